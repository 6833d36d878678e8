#include "actors/archivist.hpp"

#include "actors/logging.hpp"
#include "storage/backup_writer.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace kvs::actors {
namespace {

/// Note to self: handle the next segment.
struct continue_backup {
  /// Which backup it was meant for.
  std::uint64_t number = 0;
};

} // namespace
} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::continue_backup)

namespace kvs::actors {
namespace {

constexpr std::size_t name_bytes_max = 200;

bool is_name(const std::string& text) {
  auto allowed = [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z')
           || (each >= '0' && each <= '9') || each == '.' || each == '_'
           || each == '-';
  };
  return !text.empty() && text.size() <= name_bytes_max && text[0] != '.'
         && !text.ends_with(storage::incomplete_suffix)
         && std::all_of(text.begin(), text.end(), allowed);
}

/// What was asked for cannot be: nobody has to look at the disk.
failure to_backup_failure(const storage::error& why) {
  auto failed = to_failure(why);
  if (why.code == storage::errc::unusable_directory
      || why.code == storage::errc::locked
      || why.code == storage::errc::not_found)
    failed.code = outcome::bad_argument;
  return failed;
}

using archivist_impl
  = archivist_actor::extend<caf_compat::takes<continue_backup>>;

class archivist final : public caf_compat::pinnable<archivist_impl::base> {
public:
  archivist(caf::actor_config& config, caf_compat::execution_base* thread,
            archivist_args args)
    : pinnable{config, thread}, args_{std::move(args)} {
    while (args_.root.size() > 1 && args_.root.back() == '/')
      args_.root.pop_back();
  }

  const char* name() const override {
    return "kvs.archivist";
  }

  behavior_type make_behavior() override {
    return {
      [this](make_backup& request) { accept(std::move(request)); },
      [this](const continue_backup& note) {
        if (running_ && note.number == number_)
          take_step();
      },
      [this](const stop_archivist&) {
        stop();
        return archivist_stopped{};
      },
    };
  }

  void on_exit() override {
    args_ = {};
  }

private:
  enum class phase { claiming, gathering, taking, checking };

  void accept(make_backup request) {
    if (auto why = place(request.to, request.to))
      return refuse(request, *why);
    if (!request.earlier.empty())
      if (auto why = place(request.earlier, request.earlier))
        return refuse(request, *why);
    waiting_.push_back(std::move(request));
    if (!running_)
      begin_next();
  }

  /// Finds the directory that is meant; returns why there is none.
  std::optional<failure> place(const std::string& text, std::string& path) {
    if (args_.root.empty())
      return make_failure(outcome::bad_argument,
                          "this node makes no backups: start it with "
                          "--backup-root; nothing was written");
    auto named = text;
    if (named.rfind(args_.root + "/", 0) == 0)
      named.erase(0, args_.root.size() + 1);
    if (!is_name(named))
      return make_failure(outcome::bad_argument,
                          "a backup is a directory right below " + args_.root
                            + ", with a name of letters, digits, '.', '_' and "
                              "'-' that neither begins with '.' nor ends with "
                              "'.incomplete'; nothing was written");
    path = args_.root + "/" + named;
    return std::nullopt;
  }

  void begin_next() {
    while (!running_ && !waiting_.empty()) {
      running_ = true;
      ++number_;
      if (auto claimed = claim(); claimed)
        hold(number_);
      else
        give_up(to_backup_failure(claimed.error()));
    }
  }

  /// Finds out what can be refused while nothing of the store has changed.
  storage::result<storage::ok> claim() {
    auto checked
      = storage::check_backup_root(*args_.files, args_.root, args_.directory);
    if (!checked)
      return checked;
    const auto& request = waiting_.front();
    auto begun = storage::backup_writer::begin(
      args_.files, {args_.directory, args_.store_id, request.to,
                    request.earlier, request.copies});
    if (!begun)
      return begun.error();
    writer_ = *std::move(begun);
    return storage::ok{};
  }

  void hold(std::uint64_t number) {
    phase_ = phase::gathering;
    caf_compat::ask(this, args_.catalog, hold_segments{})
      .then([this, number](const segments_held&) { seal(number); },
            [this](const caf::error&) { fail(lost("CATALOG")); });
  }

  static failure lost(const char* whom) {
    return make_failure(outcome::io_error, std::string{"the "} + whom
                                             + " is gone; there is no backup");
  }

  void seal(std::uint64_t number) {
    if (!running_ || number != number_)
      return;
    caf_compat::ask(this, args_.writer, seal_active{})
      .then(
        [this, number](const log_made_durable& reply) {
          if (!running_ || number != number_)
            return;
          if (reply.error.code != outcome::ok)
            return fail(reply.error);
          list(number, reply.sequence);
        },
        [this](const caf::error&) { fail(lost("WRITER")); });
  }

  void list(std::uint64_t number, storage::sequence_number sealed_up_to) {
    caf_compat::ask(this, args_.catalog, list_held{})
      .then(
        [this, number, sealed_up_to](const held_listed& reply) {
          if (!running_ || number != number_)
            return;
          writer_->choose({reply.state, sealed_up_to, args_.clock->now()});
          phase_ = phase::taking;
          go_on();
        },
        [this](const caf::error&) { fail(lost("CATALOG")); });
  }

  void go_on() {
    caf_compat::tell(this, this, continue_backup{number_});
  }

  void take_step() {
    if (phase_ == phase::taking)
      take_next();
    else
      check_next();
  }

  void take_next() {
    auto taken = writer_->take_next();
    if (!taken)
      return fail(to_backup_failure(taken.error()));
    if (*taken) {
      // It has a name in the backup now.
      caf_compat::tell(this, args_.catalog, release_segments{{**taken}});
      return go_on();
    }
    release();
    phase_ = phase::checking;
    go_on();
  }

  void check_next() {
    auto done = writer_->check_next();
    if (!done)
      return fail(to_backup_failure(done.error()));
    if (!*done)
      return go_on();
    finish();
  }

  void release() {
    if (phase_ == phase::gathering || phase_ == phase::taking)
      caf_compat::tell(this, args_.catalog, release_segments{});
  }

  void finish() {
    auto done = writer_->finish();
    if (!done)
      return fail(to_backup_failure(done.error()));
    auto request = end_current();
    logging::info("archivist.backup-made directory={} segments={} bytes={} "
                  "kept={} linked={} copied={} version={}",
                  request.to, done->segments, done->bytes, done->kept,
                  done->linked, done->copied, done->version);
    figures_collected reply;
    reply.ref = request.ref;
    reply.figures
      = {{"segments", done->segments}, {"bytes", done->bytes},
         {"kept", done->kept},         {"linked", done->linked},
         {"copied", done->copied},     {"copied_bytes", done->copied_bytes},
         {"version", done->version}};
    caf_compat::tell(this, request.from, std::move(reply));
    begin_next();
  }

  void fail(const failure& why) {
    if (!running_)
      return;
    give_up(why);
    begin_next();
  }

  void give_up(const failure& why) {
    if (writer_)
      writer_->abandon();
    release();
    auto request = end_current();
    // A client that asks for the impossible is no event of the node.
    if (why.code != outcome::bad_argument)
      logging::error("archivist.backup-failed directory={} error=\"{}\"",
                     request.to, why.detail ? *why.detail : std::string{"?"});
    refuse(request, why);
  }

  make_backup end_current() {
    writer_.reset();
    running_ = false;
    phase_ = phase::claiming;
    auto request = std::move(waiting_.front());
    waiting_.pop_front();
    return request;
  }

  void refuse(const make_backup& request, const failure& why) {
    operations_answered reply;
    answer failed;
    failed.ref = request.ref;
    failed.code = why.code;
    failed.detail = why.detail;
    reply.answers.push_back(std::move(failed));
    caf_compat::tell(this, request.from, std::move(reply));
  }

  void stop() {
    auto waiting = std::exchange(waiting_, {});
    if (writer_)
      writer_->abandon();
    release();
    running_ = false;
    for (const auto& each : waiting)
      refuse(each, make_failure(outcome::shutting_down,
                                "the node is closing; there is no backup"));
    this->quit();
  }

  archivist_args args_;
  /// The first one is under way if `running_`.
  std::deque<make_backup> waiting_;
  bool running_ = false;
  phase phase_ = phase::claiming;
  /// Of the backup under way.
  std::uint64_t number_ = 0;
  std::unique_ptr<storage::backup_writer> writer_;
};

} // namespace

archivist_actor spawn_archivist(caf::actor_system& system, archivist_args args,
                                caf_compat::execution_base* thread) {
  return system.spawn<archivist>(thread, std::move(args));
}

} // namespace kvs::actors
