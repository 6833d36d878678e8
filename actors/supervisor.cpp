#include "actors/supervisor.hpp"

#include "actors/logging.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace kvs::actors {
namespace {

/// One of the watched actors is gone.
struct actor_gone {
  std::string role;
};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::actor_gone)

namespace kvs::actors {
namespace {

using supervisor_impl = supervisor_actor::extend<caf_compat::takes<actor_gone>>;

class supervisor final : public caf_compat::pinnable<supervisor_impl::base> {
public:
  supervisor(caf::actor_config& config, caf_compat::execution_base* loop,
             supervisor_args args)
    : pinnable{config, loop}, args_{std::move(args)} {
  }

  const char* name() const override {
    return "kvs.supervisor";
  }

  behavior_type make_behavior() override {
    watch_all();
    return {
      [this](const stop_store&) -> caf::result<store_stopped> {
        promise_ = this->make_response_promise<store_stopped>();
        stop_archivist_first();
        return *promise_;
      },
      [this](const actor_gone& note) {
        --alive_;
        if (!promise_ && !std::exchange(reported_, true)) {
          logging::critical("supervisor.actor-died role={}", note.role);
          if (args_.on_death)
            args_.on_death(note.role);
        }
        finish_if_all_gone();
      },
    };
  }

private:
  template <class Handle>
  void watch_one(const Handle& whom, std::string role) {
    ++alive_;
    caf_compat::watch(whom, supervisor_impl{this}, actor_gone{std::move(role)});
  }

  void watch_all() {
    watch_one(args_.writer, "writer");
    watch_one(args_.compactor, "compactor");
    watch_one(args_.archivist, "archivist");
    watch_one(args_.catalog, "catalog");
    watch_one(args_.syncer, "syncer");
    for (const auto& each : args_.shards)
      watch_one(each, "shard");
    for (const auto& each : args_.readers)
      watch_one(each, "reader");
    watch_one(args_.budget, "memory-budget");
    if (args_.residency)
      watch_one(args_.residency, "residency");
  }

  void stop_archivist_first() {
    caf_compat::ask(this, args_.archivist, stop_archivist{})
      .then([this](const archivist_stopped&) { stop_writer_next(); },
            [this](const caf::error&) { stop_writer_next(); });
  }

  void stop_writer_next() {
    caf_compat::ask(this, args_.writer, stop_writer{reported_})
      .then(
        [this](const writer_stopped& reply) {
          error_ = reply.error;
          stop_compactor_next();
        },
        [this](const caf::error&) {
          error_ = make_failure(outcome::io_error, "the WRITER had died");
          stop_compactor_next();
        });
  }

  void stop_compactor_next() {
    caf_compat::ask(this, args_.compactor, stop_compactor{})
      .then([this](const compactor_stopped&) { stop_shards_next(); },
            [this](const caf::error&) { stop_shards_next(); });
  }

  void stop_shards_next() {
    auto left = std::make_shared<std::size_t>(args_.shards.size());
    last_words_.shards.resize(args_.shards.size());
    for (std::size_t at = 0; at < args_.shards.size(); ++at)
      caf_compat::ask(this, args_.shards[at], stop_shard{})
        .then(
          [this, at, left](const shard_stopped& reply) {
            last_words_.shards[at] = reply.keys;
            last_words_.flushed_below
              = std::max(last_words_.flushed_below, reply.flushed_below);
            if (--*left == 0)
              stop_rest();
          },
          [this, left](const caf::error&) {
            if (--*left == 0)
              stop_rest();
          });
  }

  /// Whether the next start may rely on what the shards know.
  bool went_well() const {
    const auto& shards = last_words_.shards;
    return error_.code == outcome::ok && !reported_
           && std::find(shards.begin(), shards.end(), nullptr) == shards.end();
  }

  void stop_rest() {
    if (!went_well())
      last_words_ = {};
    caf_compat::tell(this, args_.catalog, std::exchange(last_words_, {}));
    caf::anon_send_exit(args_.syncer, caf::exit_reason::user_shutdown);
    for (const auto& each : args_.readers)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(args_.budget, caf::exit_reason::user_shutdown);
    if (args_.residency)
      caf::anon_send_exit(args_.residency, caf::exit_reason::user_shutdown);
    resting_ = true;
    finish_if_all_gone();
  }

  void finish_if_all_gone() {
    if (!resting_ || alive_ > 0)
      return;
    promise_->deliver(store_stopped{error_});
    args_ = {};
    this->quit();
  }

  supervisor_args args_;
  std::optional<caf::typed_response_promise<store_stopped>> promise_;
  failure error_;
  stop_catalog last_words_;
  std::size_t alive_ = 0;
  bool resting_ = false;
  bool reported_ = false;
};

} // namespace

supervisor_actor spawn_supervisor(caf::actor_system& system,
                                  supervisor_args args) {
  return system.spawn<supervisor>(caf_compat::on_scheduler, std::move(args));
}

} // namespace kvs::actors
