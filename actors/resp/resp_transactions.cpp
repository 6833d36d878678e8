// MULTI, EXEC and WATCH. EXEC runs its commands as one program: on a private
// view of the keys, which the WRITER validates as a whole.

#include "actors/resp/resp_connection.hpp"

#include <algorithm>
#include <utility>

namespace kvs::actors::resp {
namespace {

/// A shard remembers each of them.
constexpr std::size_t watched_keys_max = 10'000;

} // namespace

void resp_connection::begin_transaction(std::uint64_t number) {
  if (in_transaction_)
    return finish_error({number, -1}, "ERR MULTI calls can not be nested");
  in_transaction_ = true;
  queued_version_ = version_;
  finish_text({number, -1}, "+OK\r\n");
}

void resp_connection::end_transaction() {
  in_transaction_ = false;
  transaction_failed_ = false;
  queued_.clear();
  queued_bytes_ = 0;
}

void resp_connection::discard(std::uint64_t number) {
  if (!in_transaction_)
    return finish_error({number, -1}, "ERR DISCARD without MULTI");
  end_transaction();
  unwatch();
  finish_text({number, -1}, "+OK\r\n");
}

void resp_connection::execute(std::uint64_t number, const call& exec) {
  if (!in_transaction_) {
    monitor(*exec.spec, exec.args);
    return finish_error({number, -1}, "ERR EXEC without MULTI");
  }
  auto failed = transaction_failed_;
  auto calls = std::move(queued_);
  auto bytes = queued_bytes_;
  end_transaction();
  auto watched = watches_;
  if (failed) {
    monitor(*exec.spec, exec.args);
    unwatch();
    return finish_error({number, -1},
                        "EXECABORT Transaction discarded because of previous "
                        "errors.");
  }
  // Replies of the session's own commands depend on state that the ones
  // behind it may change, so nothing is parsed before they are known.
  holds_input_ = true;
  auto running = std::make_shared<call_program>(
    std::move(calls), std::move(watched), args_.store.hash, args_.store.clock,
    [this, number, exec](const failure& error, call_program& done) {
      holds_input_ = false;
      take_executed(error, done, number);
      monitor(*exec.spec, exec.args);
      drain();
    });
  if (settings_->slowlog_slower_than_us >= 0)
    running->measure();
  router_.submit(std::move(running), bytes);
}

void resp_connection::take_executed(const failure& error, call_program& done,
                                    std::uint64_t number) {
  unwatch();
  if (error.code != outcome::ok)
    return finish_error({number, -1}, error_text(error));
  if (done.is_aborted())
    return finish_with({number, -1}, [](auto& out) { out.null_array(); });
  const auto& calls = done.calls();
  if (calls.empty())
    return finish_text({number, -1}, "*0\r\n");
  exec_.emplace();
  exec_->number = number;
  exec_->elements.resize(calls.size());
  exec_->missing = calls.size();
  for (std::size_t at = 0; at < calls.size(); ++at)
    exec_->commands.push_back({calls[at].spec, done.took(at)});
  // Some wait for other actors.
  holds_input_ = true;
  for (std::size_t at = 0; at < calls.size(); ++at) {
    reply_place place{number, static_cast<int>(at)};
    const auto& each = calls[at];
    monitor(*each.spec, each.args);
    if (each.spec->handler != nullptr) {
      note_slow(each, done.took(at));
      publish(place, each, std::move(done.events()[at]),
              std::move(done.replies()[at]));
      continue;
    }
    auto began = clock_type::now();
    run_in_session(place, *each.spec, each.args, each.memory);
    note_slow(each, clock_type::now() - began);
  }
}

void resp_connection::watch_keys(std::uint64_t number, const arguments& args) {
  if (in_transaction_)
    return finish_error({number, -1}, "ERR WATCH inside MULTI is not allowed");
  std::vector<std::string> fresh;
  for (std::size_t at = 1; at < args.size(); ++at) {
    std::string key{args[at]};
    auto known = std::ranges::any_of(
      watches_, [&](const auto& each) { return each.key == key; });
    if (!known && std::ranges::find(fresh, key) == fresh.end())
      fresh.push_back(std::move(key));
  }
  if (watches_.size() + fresh.size() > watched_keys_max)
    return finish_error({number, -1}, "ERR more than 10000 keys are watched");
  // What a transaction watches must be known before it begins.
  holds_input_ = true;
  router_.submit(std::make_shared<watch_program>(
    std::move(fresh), *args_.store.hash,
    [this, number](const failure& error, std::vector<watch> found) {
      holds_input_ = false;
      if (error.code != outcome::ok) {
        finish_error({number, -1}, error_text(error));
      } else {
        watches_.insert(watches_.end(), found.begin(), found.end());
        finish_text({number, -1}, "+OK\r\n");
        // The client has left meanwhile: nobody else will end them.
        if (is_closed())
          unwatch();
      }
      drain();
    }));
}

void resp_connection::unwatch() {
  std::vector<forget_watches> per_shard(args_.store.shards.size());
  for (auto& each : watches_)
    if (each.version == 0)
      per_shard[args_.store.shard_of(each.hash)].keys.push_back(
        std::move(each.key));
  watches_.clear();
  for (std::size_t at = 0; at < per_shard.size(); ++at)
    if (!per_shard[at].keys.empty())
      caf_compat::tell(this, args_.store.shards[at], std::move(per_shard[at]));
}

} // namespace kvs::actors::resp
