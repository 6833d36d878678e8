// Commands on keys, on their way through the store.

#include "actors/byte_views.hpp"
#include "actors/paced_function.hpp"
#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"
#include "protocol/resp/scan.hpp"
#include "storage/index.hpp"
#include "storage/record.hpp"

#include <algorithm>

namespace kvs::actors::resp {
namespace {

using protocol::resp::command_flag;
using protocol::resp::equals_ignoring_case;
using protocol::resp::reply_writer;
using protocol::resp::to_integer;
using protocol::resp::value_use;

/// The commands that matter most, which take no detour.
struct hot_commands {
  using spec = const protocol::resp::command_spec*;
  spec get = protocol::resp::find_command("get");
  spec set = protocol::resp::find_command("set");
  spec incr = protocol::resp::find_command("incr");
  spec decr = protocol::resp::find_command("decr");
  spec del = protocol::resp::find_command("del");
  spec unlink = protocol::resp::find_command("unlink");
  spec exists = protocol::resp::find_command("exists");
};

} // namespace

void resp_connection::run_on_keys(call what) {
  const auto& spec = *what.spec;
  auto number = open_counted(spec);
  if (spec.name == "scan")
    return scan(number, what);
  if (spec.first_key == 0)
    return run_on_store(number, what);
  for (auto key : keys_of(spec, what.args))
    if (key.size() > what.limits.key_bytes_max)
      return finish_error({number, -1},
                          "ERR the key is longer than allowed ("
                            + std::to_string(what.limits.key_bytes_max)
                            + " bytes); nothing was done");
  if (!what.wants_events && spec.name == "set" && what.args.size() == 3)
    return submit_put(number, what);
  auto one_key = spec.last_key == spec.first_key && spec.key_step <= 1;
  auto names_one_of_many
    = spec.last_key < 0 && spec.key_step == 1
      && what.args.size() == static_cast<std::size_t>(spec.first_key) + 1;
  if (spec.first_key > 0 && (one_key || names_one_of_many))
    return run_on_one_key(number, std::move(what));
  run_program(number, std::move(what));
}

bool resp_connection::take_hot(std::span<const std::string_view> args,
                               const memory_owner& memory,
                               std::string_view bytes) {
  // Quoted arguments of an inline command lie elsewhere.
  if (bytes.front() != '*' || in_transaction_ || is_subscribed()
      || settings_->holds_or_shows_commands() || skips_next_)
    return false;
  static const hot_commands hot;
  const auto* spec = protocol::resp::find_command(args[0]);
  if (spec == nullptr)
    return false;
  operation op;
  auto form = answer_form::value;
  auto way = route::evaluate;
  if (args.size() == 2) {
    if (spec == hot.get) {
      way = route::read;
      op.kind = operation_kind::get;
    } else if (spec == hot.incr || spec == hot.decr) {
      form = answer_form::number;
      op.kind = operation_kind::increment;
      op.delta = spec == hot.incr ? 1 : -1;
    } else if (spec == hot.del || spec == hot.unlink) {
      form = answer_form::existed;
      op.kind = operation_kind::erase;
    } else if (spec == hot.exists) {
      form = answer_form::applied;
      way = route::read;
      op.kind = operation_kind::exists;
    } else {
      return false;
    }
  } else if (args.size() == 3 && spec == hot.set
             && args[2].size() <= storage::turn_value_bytes_max) {
    form = answer_form::ok;
    way = route::blind;
    op.kind = operation_kind::put;
    op.value = as_bytes(args[2]);
    op.value_crc = storage::value_checksum(op.value);
  } else {
    return false;
  }
  if (args[1].size() > services_.limits.key_bytes_max)
    return false;
  op.key = args[1];
  ++counted_.commands;
  skips_this_ = false;
  last_command_ = spec->name;
  submit_operation(open_counted(*spec), form, op, way, memory);
  return true;
}

void resp_connection::submit_operation(std::uint64_t number, answer_form form,
                                       operation op, route way,
                                       const memory_owner& memory) {
  op.hash = (*args_.store.hash)(op.key);
  auto& place = replies_.at(number);
  place.form = form;
  router_.submit(number, op, way, memory);
}

void resp_connection::submit_put(std::uint64_t number, const call& what) {
  operation op;
  op.kind = operation_kind::put;
  op.key = what.args[1];
  op.value = as_bytes(what.args[2]);
  auto is_small = op.value.size() <= storage::turn_value_bytes_max;
  if (settings_->logs_quick_commands() || !is_small)
    await_slow(number, what);
  if (is_small) {
    op.value_crc = storage::value_checksum(op.value);
    return submit_operation(number, answer_form::ok, op, route::blind,
                            what.memory);
  }
  checksum({op.value}, [this, number, op, memory = what.memory](
                         std::vector<std::uint32_t> crcs) mutable {
    op.value_crc = crcs.front();
    submit_operation(number, answer_form::ok, op, route::blind, memory);
  });
}

void resp_connection::run_on_one_key(std::uint64_t number, call what) {
  const auto& spec = *what.spec;
  operation op;
  op.key = what.args[static_cast<std::size_t>(spec.first_key)];
  auto memory = what.memory;
  if (!spec.is(command_flag::write)) {
    op.kind = value_use_of(spec, what.args) == value_use::reads
                ? operation_kind::get
                : operation_kind::exists;
    replies_.at(number).began = now_;
    replies_.at(number).asked = std::make_unique<call>(std::move(what));
    return submit_operation(number, answer_form::read, op, route::read, memory);
  }
  replies_.at(number).began = now_;
  replies_.at(number).asked = std::make_unique<call>(what);
  auto update = std::make_shared<call_update>(std::move(what));
  op.kind = operation_kind::update;
  op.update = update.get();
  submit_operation(number, answer_form::result, op, route::evaluate, update);
}

void resp_connection::run_program(std::uint64_t number, call what) {
  replies_.at(number).began = now_;
  std::uint64_t bytes = 0;
  for (auto each : what.args)
    bytes += each.size();
  std::vector<call> calls;
  calls.push_back(std::move(what));
  auto running = std::make_shared<call_program>(
    std::move(calls), std::vector<watch>{}, args_.store.hash, args_.store.clock,
    [this, number](const failure& error, call_program& done) {
      const auto& ended = done.calls().front();
      note_slow(ended, clock_type::now() - replies_.at(number).began);
      if (error.code != outcome::ok) {
        finish_error({number, -1}, error_text(error));
      } else {
        publish({number, -1}, ended, std::move(done.events().front()),
                std::move(done.replies().front()));
      }
      drain();
    });
  router_.submit(std::move(running), bytes);
}

void resp_connection::answered(std::uint64_t number, const answer& found,
                               const memory_owners& memory) {
  auto& place = replies_.at(number);
  auto what = std::move(place.asked);
  if (what != nullptr)
    note_slow(*what, clock_type::now() - place.began);
  if (found.code != outcome::ok) {
    finish_error({number, -1}, error_text({found.code, found.detail}));
    return drain();
  }
  switch (place.form) {
    case answer_form::value:
      ++(found.applied ? counted_.hits : counted_.misses);
      if (found.applied)
        replies_.set_value(number, as_text(found.value), memory);
      else
        replies_.set_null(number);
      break;
    case answer_form::ok:
      replies_.set_text(number, "+OK\r\n");
      break;
    case answer_form::applied:
      replies_.set_integer(number, found.applied ? 1 : 0);
      break;
    case answer_form::existed:
      replies_.set_integer(number, found.existed ? 1 : 0);
      break;
    case answer_form::number:
      replies_.set_integer(number, found.number);
      break;
    case answer_form::read: {
      ++(found.applied ? counted_.hits : counted_.misses);
      if (found.value.size() > storage::turn_value_bytes_max)
        return read_elsewhere(number, std::move(*what), found, memory);
      protocol::pacer unpaced;
      auto result
        = read_with(*what, found, memory, args_.store.clock->now(), unpaced);
      publish({number, -1}, *what, std::move(result.events),
              std::move(result.reply));
      break;
    }
    case answer_form::result: {
      // Made for this command alone, so that what it holds may be taken.
      auto& result
        = *static_cast<call_result*>(const_cast<void*>(found.result.get()));
      if (result.events.empty()) {
        note_error(result.reply.bytes());
        replies_.set_shared(number, as_text(result.reply.bytes()),
                            found.result);
        break;
      }
      publish({number, -1}, *what, std::move(result.events),
              std::move(result.reply));
      break;
    }
  }
  drain();
}

/// A command that only reads, on a large value.
class read_work final : public long_work {
public:
  read_work(call what, const answer& found, const memory_owners& memory,
            storage::timestamp_ms now)
    : what{std::move(what)}, found_{found}, memory_{memory}, now_{now} {
  }
  bool step() override {
    return read_.step();
  }

  call what;
  call_result result;

private:
  answer found_;
  memory_owners memory_;
  storage::timestamp_ms now_;
  /// The last member: what it refers to must be there while it is unwound.
  paced_function read_{[this](protocol::pacer& pace) {
    result = read_with(what, found_, memory_, now_, pace);
    memory_ = {};
  }};
};

void resp_connection::read_elsewhere(std::uint64_t number, call what,
                                     const answer& found,
                                     const memory_owners& memory) {
  auto work = std::make_shared<read_work>(std::move(what), found, memory,
                                          args_.store.clock->now());
  work_elsewhere(work, [this, number, work](const failure& error) {
    if (error.code != outcome::ok)
      finish_error({number, -1}, error_text(error));
    else
      publish({number, -1}, work->what, std::move(work->result.events),
              std::move(work->result.reply));
    drain();
  });
}

void resp_connection::publish(reply_place place, const call& what,
                              std::vector<key_event> events,
                              byte_buffer reply) {
  // Who listens and goes on with commands gets what it causes with its reply.
  if (!events.empty() && is_subscribed())
    return publish_to_itself(place, what, std::move(events), std::move(reply));
  if (!events.empty())
    caf_compat::tell(this, services_.publisher,
                     publish_key_events{std::move(events)});
  finish(place, std::move(reply));
}

// -- the whole store
// -----------------------------------------------------------------

void resp_connection::run_on_store(std::uint64_t number, const call& what) {
  const auto& spec = *what.spec;
  reply_place place{number, -1};
  auto in_words = [&](std::string_view word) {
    return what.args.size() == 2 && equals_ignoring_case(what.args[1], word);
  };
  if (spec.name == "dbsize") {
    await_slow(number, what);
    return ask_store(protocol::count{}, [this, place](const auto& reply) {
      if (has_failed(place, reply))
        return;
      auto count = std::get<protocol::count_reply>(reply).key_count;
      finish_with(place, [&](reply_writer& out) {
        out.integer(static_cast<std::int64_t>(count));
      });
    });
  }
  if ((spec.name == "flushall" || spec.name == "flushdb")
      && (what.args.size() == 1 || in_words("async") || in_words("sync"))) {
    await_slow(number, what);
    return ask_store(protocol::flush{}, [this, place](const auto& reply) {
      if (!has_failed(place, reply))
        finish_text(place, "+OK\r\n");
    });
  }
  run_program(number, what);
}

bool resp_connection::has_failed(reply_place place,
                                 const protocol::reply& reply) {
  auto* error = std::get_if<protocol::error_reply>(&reply);
  if (error == nullptr)
    return false;
  finish_error(place, "ERR " + error->message);
  return true;
}

void resp_connection::ask_store(
  protocol::request request, std::function<void(const protocol::reply&)> then) {
  auto id = ++last_asked_;
  asked_.emplace(id, std::move(then));
  router_.submit(id, std::move(request), nullptr);
}

void resp_connection::reply(std::uint64_t id, protocol::request_type,
                            const protocol::reply& message,
                            const memory_owners&) {
  auto it = asked_.find(id);
  auto then = std::move(it->second);
  asked_.erase(it);
  then(message);
  drain();
}

void resp_connection::scan(std::uint64_t number, const call& what) {
  auto parsed = protocol::resp::parse_scan(what.args);
  if (!parsed.error.empty())
    return finish_error({number, -1}, parsed.error);
  await_slow(number, what);
  protocol::scan request;
  // Any number is a cursor; one that no scan has returned is behind the end.
  request.cursor = parsed.cursor;
  if (request.cursor > storage::partition_count)
    return finish_with({number, -1}, [](reply_writer& out) {
      out.array(2);
      out.bulk("0");
      out.array(0);
    });
  constexpr std::int64_t count_max = 1000;
  request.count_hint
    = static_cast<std::uint32_t>(std::min(parsed.count, count_max));
  auto keep = std::make_shared<const call>(what);
  ask_store(request, [this, number, parsed, keep](const auto& reply) {
    if (has_failed({number, -1}, reply))
      return;
    const auto* listed = std::get_if<protocol::scan_reply>(&reply);
    std::vector<std::string_view> matching;
    for (const auto& key : listed->keys)
      if (scan_matches(parsed, key))
        matching.push_back(key);
    finish_with({number, -1}, [&](reply_writer& out) {
      out.array(2);
      out.bulk(std::to_string(listed->next_cursor));
      out.array(matching.size());
      for (auto key : matching)
        out.bulk(key);
    });
  });
}

} // namespace kvs::actors::resp
