/// The CONNECTION of a client that speaks RESP; private to resp_*.cpp.
#pragma once

#include "actors/connection_state.hpp"
#include "actors/resp/calls.hpp"
#include "actors/resp/client_registry.hpp"
#include "actors/resp/listener.hpp"
#include "actors/resp/reply_queue.hpp"
#include "protocol/resp/parser.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace kvs::actors::resp {

/// Where the reply to a command goes: into its own place, or into one element
/// of the reply to EXEC.
struct reply_place {
  std::uint64_t number = 0;
  int element = -1;
};

/// What HELLO asks for.
struct hello_request {
  int version = 2;
  std::optional<std::string_view> name;
  /// Not empty: the reply, and nothing happens.
  std::string error;
};

/// `version`: the one that is spoken now.
hello_request parse_hello(const std::vector<std::string_view>& args,
                          int version);

/// That a subcommand has more arguments than its arity tells.
std::string wrong_subcommand(std::string_view container, std::string_view name);

/// Whether a client may be called that.
bool is_client_name(std::string_view name);
inline constexpr std::string_view bad_client_name
  = "ERR Client names cannot contain spaces, newlines or special characters.";

/// What a command sends. CLIENT REPLY says nothing of what is pushed.
struct command_output {
  /// Messages of channels, and what is said of subscriptions.
  protocol::byte_buffer pushed{};
  protocol::byte_buffer reply{};
  /// What is pushed behind the reply.
  protocol::byte_buffer pushed_late{};
};

/// An EXEC whose elements are being filled.
struct pending_exec {
  std::uint64_t number = 0;
  std::vector<command_output> elements;
  std::size_t missing = 0;
  /// What each element is the reply of, and how long it took.
  struct ran {
    const command_spec* spec = nullptr;
    std::chrono::steady_clock::duration took{};
  };
  std::vector<ran> commands;
};

/// A command that has to wait: for the end of a pause, or for its turn.
struct held_command {
  const command_spec* spec = nullptr;
  std::vector<std::string_view> args;
  memory_owner memory;
};

class resp_connection final : public connection {
public:
  resp_connection(caf::actor_config& config, caf_compat::execution_base* loop,
                  connection_args args, session_services services);

  void on_exit() override;

private:
  using clock_type = std::chrono::steady_clock;
  using byte_buffer = protocol::byte_buffer;
  using arguments = std::vector<std::string_view>;

  // -- resp_connection.cpp: bytes, order, life --------------------------------

  bool parse_one() override;
  void take_large() override;
  void refuse_large(protocol::status code, const char* why) override;
  std::size_t requests_elsewhere() const override;
  void forget_client() override;
  void greet() override;
  void handle(const channel_message& message) override;
  void handle(const monitored_command& message) override;
  void handle(const settings_changed& message) override;
  client_described describe() override;
  void answered(std::uint64_t wire_id, const answer& found,
                const memory_owners& memory) override;
  void reply(std::uint64_t wire_id, protocol::request_type type,
             const protocol::reply& message,
             const memory_owners& memory) override;
  void take_command(std::span<const std::string_view> args,
                    const memory_owner& memory, std::string_view bytes);
  void refuse_protocol(std::string_view error);
  void drain();
  void write_entry(reply_queue::entry& next);
  /// Puts what belongs to no request behind everything that is waiting.
  void push(byte_buffer bytes);
  std::uint64_t open_place();
  /// The same for a command that is run, and counted when its reply leaves.
  std::uint64_t open_counted(const command_spec& spec);

  // -- resp_dispatch.cpp: which command, and may it run
  // ------------------------

  void dispatch(arguments args, const memory_owner& memory);
  /// Replies why a command cannot be run at all. `spec`: nullptr if nobody
  /// knows it.
  void reject(const command_spec* spec, std::string error);
  /// Runs, queues or holds a command that may be called.
  void admit(const command_spec& spec, arguments args,
             const memory_owner& memory);
  bool has_to_wait(const command_spec& spec) const;
  /// Goes on with the held command, if it need not wait any more.
  void resume();
  void queue_command(const command_spec& spec, arguments args,
                     const memory_owner& memory);
  void run(const command_spec& spec, arguments args,
           const memory_owner& memory);
  void run_in_session(reply_place place, const command_spec& spec,
                      const arguments& args, const memory_owner& memory);
  call make_call(const command_spec& spec, arguments args,
                 const memory_owner& memory) const;
  void count(const command_spec& spec, clock_type::duration took,
             bool has_failed) {
    auto& counted = counted_.by_command.of(spec);
    ++counted.calls;
    counted.took += took;
    counted.failed += has_failed ? 1 : 0;
  }
  /// Counts a reply if it is an error.
  void note_error(std::span<const std::byte> reply);
  void finish(reply_place place, command_output output);
  void finish(reply_place place, byte_buffer reply) {
    finish(place, command_output{{}, std::move(reply), {}});
  }
  void finish_exec();
  void finish_text(reply_place place, std::string_view whole);
  /// Nothing is replied.
  void finish_silent(reply_place place);
  void finish_error(reply_place place, std::string_view text);
  template <class Write>
  void finish_with(reply_place place, Write write) {
    byte_buffer bytes;
    protocol::resp::reply_writer writer{bytes,
                                        replies_.at(place.number).version};
    write(writer);
    finish(place, std::move(bytes));
  }
  std::string error_text(const failure& error) const;

  // -- resp_diagnosis.cpp: what others see of this client's commands ---------

  /// Shows a command to those who monitor, if there are any.
  void monitor(const command_spec& spec, const arguments& args);
  /// The command goes into the slow log if its reply takes too long, …
  void await_slow(std::uint64_t number, const call& what);
  /// … which is known now.
  void note_known(std::uint64_t number);
  void note_slow(const call& what, clock_type::duration span);

  // -- resp_data.cpp: commands on keys
  // ------------------------------------------

  void run_on_keys(call what);
  /// Takes one of the commands that matter most. False: it is none.
  bool take_hot(std::span<const std::string_view> args,
                const memory_owner& memory, std::string_view bytes);
  void submit_operation(std::uint64_t number, answer_form form, operation op,
                        route way, const memory_owner& memory);
  void submit_put(std::uint64_t number, const call& what);
  void run_on_one_key(std::uint64_t number, call what);
  void run_program(std::uint64_t number, call what);
  void run_on_store(std::uint64_t number, const call& what);
  void scan(std::uint64_t number, const call& what);
  /// Whether it is an error, which is the reply then.
  bool has_failed(reply_place place, const protocol::reply& reply);
  void ask_store(protocol::request request,
                 std::function<void(const protocol::reply&)> then);
  /// Runs a command on a large value that it has read.
  void read_elsewhere(std::uint64_t number, call what, const answer& found,
                      const memory_owners& memory);
  /// Tells what a command has done to its keys, and finishes it.
  void publish(reply_place place, const call& what,
               std::vector<key_event> events, byte_buffer reply);

  // -- resp_transactions.cpp
  // -----------------------------------------------------

  void begin_transaction(std::uint64_t number);
  void discard(std::uint64_t number);
  void execute(std::uint64_t number, const call& exec);
  void take_executed(const failure& error, call_program& done,
                     std::uint64_t number);
  void watch_keys(std::uint64_t number, const arguments& args);
  void unwatch();
  void end_transaction();

  // -- resp_session_commands.cpp, resp_client_commands.cpp,
  //    resp_server_commands.cpp, resp_channels.cpp ---------------------------

  void ping(reply_place place, const arguments& args);
  void select(reply_place place, const arguments& args);
  void auth(reply_place place, const arguments& args);
  void quit(reply_place place);
  void hello(reply_place place, const arguments& args);
  void client_command(reply_place place, const command_spec& spec,
                      const arguments& args);
  void client_list(reply_place place, const arguments& args);
  void client_kill(reply_place place, const arguments& args);
  /// Has others closed, calls `reply`, and then ends this session if it is
  /// to be closed `itself`.
  void kill(close_clients doomed, bool itself, std::function<void()> reply);
  void client_pause(reply_place place, const arguments& args);
  void set_pause(reply_place place, const pause_clients& request);
  void client_unblock(reply_place place, const arguments& args);
  void client_reply(reply_place place, const arguments& args);
  void reset(reply_place place);
  /// Asks the CLIENT REGISTRY; nothing else of this client begins before the
  /// answer is known.
  template <class Reply, class Request, class Then>
  void ask_registry(Request request, Then then) {
    ++registry_asks_;
    holds_input_ = true;
    caf_compat::ask(this, services_.registry, std::move(request))
      .then(
        [this, then](const Reply& found) {
          then(found);
          --registry_asks_;
          if (registry_asks_ == 0 && !exec_)
            holds_input_ = false;
          drain();
          end_turn();
        },
        [this](const caf::error&) { close(nullptr); });
  }
  void server_command(reply_place place, const command_spec& spec,
                      const arguments& args);
  void config_command(reply_place place, const command_spec& spec,
                      const arguments& args);
  void slowlog_command(reply_place place, const command_spec& spec,
                       const arguments& args);
  void info(reply_place place, const arguments& args);
  void subscribe(reply_place place, const arguments& args, bool patterns);
  void unsubscribe(reply_place place, const arguments& args, bool patterns);
  void drop_subscriptions();
  /// Has the PUBLISHER publish `request`. `then` is called with the number of
  /// receivers and the messages that have come back to this very client.
  void publish_then(publish_and_tell request,
                    std::function<void(std::uint64_t, byte_buffer)> then);
  void publish_to_itself(reply_place place, const call& what,
                         std::vector<key_event> events, byte_buffer reply);
  void publish_command(reply_place place, const arguments& args);
  void pubsub_command(reply_place place, const command_spec& spec,
                      const arguments& args);
  bool is_subscribed() const {
    return !channels_.empty() || !patterns_.empty();
  }
  std::string description() const;

  session_services services_;
  protocol::resp::parser parser_;
  reply_queue replies_;
  boost::unordered_flat_map<std::uint64_t,
                            std::function<void(const protocol::reply&)>>
    asked_;
  std::uint64_t last_asked_ = 0;
  settings_ptr settings_;

  // What the client has chosen:
  int version_ = 2;
  std::string name_;
  bool replies_off_ = false;
  bool skips_next_ = false;
  bool skips_this_ = false;
  bool no_evict_ = false;
  bool is_monitor_ = false;
  bool closes_ = false;

  // MULTI and WATCH:
  bool in_transaction_ = false;
  bool transaction_failed_ = false;
  std::vector<call> queued_;
  std::uint64_t queued_bytes_ = 0;
  /// That of the next command in the queue: a HELLO changes it.
  int queued_version_ = 2;
  std::vector<watch> watches_;
  std::optional<pending_exec> exec_;
  std::size_t registry_asks_ = 0;
  std::optional<held_command> held_;

  std::set<std::string, std::less<>> channels_;
  std::set<std::string, std::less<>> patterns_;
  /// What the PUBLISHER was asked to publish and has not answered, and the
  /// messages that the oldest of it has brought to this client so far.
  std::size_t publications_ = 0;
  byte_buffer own_messages_;

  clock_type::time_point joined_;
  clock_type::time_point now_;
  clock_type::time_point last_command_time_;
  std::string_view last_command_ = "NULL";
  client_counters counted_;
};

} // namespace kvs::actors::resp
