/// What CONNECTIONS of both protocols share; private to connection*.cpp,
/// native_connection.cpp and resp_connection*.cpp.
#pragma once

#include "actors/connection.hpp"
#include "actors/request_router.hpp"
#include "actors/resp/client_registry.hpp"
#include "protocol/byte_buffer.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace kvs::actors {

/// From the socket half: what happened.
struct stream_received {
  byte_stream::event event{};
  std::size_t bytes = 0;
};
struct stream_writable {};
/// Note to self: write what has collected.
struct flush_due {};
/// Note to self: go on with the checksum of a large value.
struct checksum_due {};
/// Note to self: look at the deadlines.
struct deadline_check_due {};

using connection_impl = connection_actor::extend_with<resp::client_actor>::
  extend_with<resp::subscriber_actor>::extend<
    caf_compat::takes<stream_received>, caf_compat::takes<stream_writable>,
    caf_compat::takes<flush_due>, caf_compat::takes<checksum_due>,
    caf_compat::takes<deadline_check_due>>;

/// Where bytes arrive. Requests borrow from it, so it lives until the last of
/// them is done and is never moved while one may.
struct receive_buffer {
  explicit receive_buffer(std::size_t capacity)
    : bytes{std::make_unique_for_overwrite<std::byte[]>(capacity)},
      capacity_bytes{capacity} {
  }
  std::unique_ptr<std::byte[]> bytes;
  std::size_t capacity_bytes;
};

/// A request too large for the receive buffer, on its way in. Grows as its
/// bytes arrive; what it may grow to is charged to the MEMORY BUDGET step by
/// step.
struct large_input {
  /// How many bytes may be read into it; may grow.
  std::uint64_t wanted_bytes = 0;
  /// With how many the codec wants to look at it.
  std::uint64_t needed_bytes = 0;
  /// What has arrived.
  protocol::byte_buffer body;
  std::uint64_t charged_bytes = 0;
  /// A request that was refused: its bytes are dropped.
  bool skipped = false;
  std::uint64_t skipped_bytes = 0;

  std::uint64_t arrived_bytes() const {
    return skipped ? skipped_bytes : body.size();
  }
};

/// Values that are too large to be checksummed at once: 1 MiB a turn.
struct checksum_job {
  std::vector<std::span<const std::byte>> values;
  /// One per value that has been begun; the last may be incomplete.
  std::vector<std::uint32_t> crcs;
  std::size_t done_bytes_of_last = 0;
  /// Goes on with the request they belong to.
  std::function<void(std::vector<std::uint32_t>)> then;
};

/// Bytes on their way out: own ones, or a value that lies elsewhere.
struct output_part {
  protocol::byte_buffer own;
  std::span<const std::byte> borrowed;
  memory_owners memory;

  std::span<const std::byte> bytes() const {
    return borrowed.data() != nullptr ? borrowed : own.bytes();
  }
};

/// A large value that has to be read before its request can be answered.
struct pending_fetch {
  request_ref ref;
  std::shared_ptr<const stored_value> value;
};

/// What memory is reserved for.
inline constexpr std::uint32_t for_large_input = 1;
inline constexpr std::uint32_t for_fetch = 2;

/// Messages that may wait for one client that listens to channels.
inline constexpr std::uint64_t pushed_bytes_max = std::uint64_t{32} << 20;

/// One read takes at most this; a request that fits it is decoded in place and
/// costs the MEMORY BUDGET nothing.
inline constexpr std::size_t receive_buffer_bytes = 64 * 1024;

/// What a CONNECTION is whatever its client speaks. The codec is the derived
/// class: it takes requests out of bytes and makes bytes of replies.
class connection : public caf_compat::pinnable<connection_impl::base>,
                   protected router_port {
public:
  connection(caf::actor_config& config, caf_compat::execution_base* loop,
             connection_args args);

  const char* name() const override {
    return "kvs.connection";
  }
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  using time_point = caf::actor_clock::time_point;

  // -- for the codec ---------------------------------------------------------

  /// Takes one request from the front of what has arrived, or begins a large
  /// one. False: the rest has to wait for more bytes.
  virtual bool parse_one() = 0;
  /// The large input has what it needed: takes it, or needs more.
  virtual void take_large() = 0;
  /// Says why the request under way cannot be served, and ends the input.
  virtual void refuse_large(protocol::status code, const char* why) = 0;
  /// Requests that the router does not have, or not any more.
  virtual std::size_t requests_elsewhere() const {
    return 0;
  }
  /// The socket is closed: nothing is replied to any more.
  virtual void forget_client() {
  }
  /// Before anything is read.
  virtual void greet() {
  }

  // Mail that only sessions of RESP get:
  virtual void handle(const resp::channel_message&) {
  }
  virtual void handle(const resp::monitored_command&) {
  }
  virtual void handle(const resp::settings_changed&) {
  }
  virtual resp::client_described describe() {
    return {};
  }

  std::span<const std::byte> arrived() const {
    return {buffer_->bytes.get() + parsed_bytes_,
            arrived_bytes_ - parsed_bytes_};
  }
  /// Owns what `arrived` shows.
  const memory_owner& arrived_memory() const {
    return buffer_memory_;
  }
  void took(std::size_t count);
  /// A request is incomplete: its deadline begins, if it has not.
  void begin_deadline();
  void end_deadline() {
    deadline_began_.reset();
  }
  /// When this turn began to look at the clock: one look a turn is enough.
  time_point turn_time() {
    if (!turn_time_)
      turn_time_ = this->clock().now();
    return *turn_time_;
  }
  void note_request() {
    last_request_ = turn_time();
  }
  /// What follows goes into `large_`, until it has `needed_bytes` or a little
  /// more.
  void begin_large(std::uint64_t needed_bytes, std::uint64_t wanted_bytes,
                   bool skipped);
  /// These bytes, which `large_` had more than it needed, come before what has
  /// arrived since.
  void unread(std::span<const std::byte> bytes);
  /// @pre large_ is complete. Its memory goes back to the MEMORY BUDGET when
  /// the last borrower lets go.
  std::shared_ptr<protocol::byte_buffer> large_memory();
  void drop_large();
  /// Has `values` checksummed, at most 1 MiB a turn, and then calls `then`.
  /// Nothing is parsed meanwhile.
  void checksum(std::vector<std::span<const std::byte>> values,
                std::function<void(std::vector<std::uint32_t>)> then);
  /// The stream makes no sense from here on: nothing more is read. With
  /// `linger` the client gets a moment to read why.
  void end_input(bool linger);

  /// Where replies are written to. Tell `wrote` how much it was.
  protocol::byte_buffer& out();
  void wrote(std::size_t count);
  /// Sends `bytes` from where they lie.
  void write_borrowed(std::span<const std::byte> bytes, memory_owners memory);
  /// Has a READER do what takes too long for a loop, and then calls `then`.
  void work_elsewhere(std::shared_ptr<long_work> what,
                      std::function<void(const failure&)> then);
  void close(const char* event);
  bool is_closed() const {
    return closed_;
  }
  /// More waits for the client than requests alone could cause.
  bool is_flooded() const {
    return pending_bytes_ > pushed_bytes_max;
  }
  session_actor as_session();

  template <class Actor, class Message>
  void send_to(const Actor& whom, Message message) {
    message.from = as_session();
    caf_compat::tell(this, whom, std::move(message));
  }

  /// Ends every handler: goes on as far as windows and memory allow.
  void end_turn();

  connection_args args_;
  request_router router_;
  std::optional<large_input> large_;
  /// The codec waits for something before it takes the next request. Nothing
  /// is parsed or read meanwhile, so that the end of the stream is seen behind
  /// all requests.
  bool holds_input_ = false;

private:
  // -- connection.cpp: life and mail -----------------------------------------

  void received(const stream_received& message);
  void granted(const memory_granted& message);
  void refused(const memory_refused& message);
  void finish_if_drained();

  // -- connection_deadlines.cpp: what the client must do in time -------------

  /// Whether the request under way takes longer than its bytes so far allow.
  bool is_late(time_point now);
  /// Ends a turn: has the deadlines looked at in time, if there are any.
  void watch_deadlines();
  void check_deadlines();

  // -- connection_input.cpp: bytes into requests -----------------------------

  std::size_t requests_in_flight() const;
  bool window_is_open() const;
  bool may_read() const;
  void read_more();
  void make_room();
  void use_fresh_buffer(std::size_t capacity_bytes);
  void parse();
  void feed_large();
  void large_progressed();
  void grow_large();
  void continue_checksum();

  // -- connection_output.cpp: replies into bytes -----------------------------

  /// Begins the next fetch if there is room for its value.
  void fetch_next();
  void read_fetched(std::uint64_t charged_bytes);
  void end_fetch(const failure& error, memory_owner memory,
                 std::span<const std::byte> value);
  void flush_soon();
  void flush();
  void discard_output(std::size_t count);

  void forward(std::uint32_t shard, shard_request message) override;
  void forward(store_request message) override;
  void fetch(request_ref ref,
             std::shared_ptr<const stored_value> value) override;
  void run(request_ref ref, std::shared_ptr<program> what) override;

  receive_buffer* buffer_ = nullptr;
  /// Owns it, in the form in which requests take it along.
  memory_owner buffer_memory_;
  /// Bytes of the buffer that were parsed, and that have arrived.
  std::size_t parsed_bytes_ = 0;
  std::size_t arrived_bytes_ = 0;
  std::optional<checksum_job> checksum_;
  bool reading_ = false;
  bool waiting_for_memory_ = false;

  std::deque<output_part> output_;
  /// Memory of a part that was sent, for the next one.
  protocol::byte_buffer spare_;
  /// Written of the first part.
  std::size_t written_bytes_ = 0;
  std::uint64_t pending_bytes_ = 0;
  /// The one in front is under way if `fetching_`.
  std::deque<pending_fetch> fetches_;
  bool fetching_ = false;
  /// Work that READERS do; its results take memory, too.
  std::size_t works_ = 0;
  std::size_t next_reader_ = 0;
  bool flush_scheduled_ = false;
  bool blocked_ = false;

  /// No more requests: the peer is done, or was refused.
  bool input_ended_ = false;
  /// … in the latter case what still comes is read and dropped until then.
  bool refused_ = false;
  std::optional<time_point> linger_until_;
  bool closed_ = false;
  /// Set while a request is incomplete.
  std::optional<time_point> deadline_began_;
  std::optional<time_point> turn_time_;
  /// When the deadlines were looked at, or began to be.
  time_point last_check_;
  /// When they are looked at next, if anything has one.
  std::optional<time_point> next_check_;
  time_point last_request_;
  /// Since when the client has taken nothing of what waits for it.
  std::optional<time_point> blocked_since_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::stream_received)
KVS_MESSAGE(kvs::actors::stream_writable)
KVS_MESSAGE(kvs::actors::flush_due)
KVS_MESSAGE(kvs::actors::checksum_due)
KVS_MESSAGE(kvs::actors::deadline_check_due)
