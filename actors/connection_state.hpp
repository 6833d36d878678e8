/// The inside of a CONNECTION; private to connection*.cpp.
#pragma once

#include "actors/connection.hpp"
#include "actors/request_router.hpp"
#include "protocol/byte_buffer.hpp"
#include "protocol/native/codec.hpp"

#include <deque>
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

using connection_impl = connection_actor::extend<
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

/// A frame too large for the receive buffer, on its way in. Grows as its bytes
/// arrive; what it may grow to is charged to the MEMORY BUDGET step by step.
struct large_frame {
  protocol::native::frame_header header;
  /// The body so far.
  protocol::byte_buffer body;
  std::uint64_t charged_bytes = 0;
  /// An unknown request or one that was refused: its bytes are dropped.
  bool skipped = false;
  std::uint64_t skipped_bytes = 0;
};

/// A request whose values are too large to be checksummed at once: 1 MiB a
/// turn.
struct checksum_job {
  std::uint64_t wire_id = 0;
  protocol::request request;
  memory_owner memory;
  std::vector<std::span<const std::byte>> values;
  /// One per value that has been begun; the last may be incomplete.
  std::vector<std::uint32_t> crcs;
  std::size_t done_bytes_of_last = 0;
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
inline constexpr std::uint32_t for_large_frame = 1;
inline constexpr std::uint32_t for_fetch = 2;

class connection final : public caf_compat::pinnable<connection_impl::base>,
                         private router_port {
public:
  connection(caf::actor_config& config, caf_compat::execution_base* loop,
             connection_args args);

  const char* name() const override {
    return "kvs.connection";
  }
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using time_point = caf::actor_clock::time_point;

  // -- connection.cpp: life and mail -----------------------------------------

  void received(const stream_received& message);
  void end_turn();
  void check_deadlines();
  void close(const char* event);
  void finish_if_drained();
  session_actor as_session();

  // -- connection_input.cpp: bytes into requests -----------------------------

  bool window_is_open() const;
  bool may_read() const;
  void read_more();
  void make_room();
  void begin_frame();
  /// Whether the frame under way takes longer than its bytes so far allow.
  bool frame_is_late(time_point now);
  void parse();
  /// False: the rest has to wait for more bytes or for credit.
  bool parse_frame();
  void take_request(const protocol::native::frame_header& header,
                    std::span<const std::byte> body,
                    const memory_owner& memory);
  void refuse(protocol::native::request_id id, std::uint8_t type,
              const protocol::decode_error& error);
  void answer_hello(std::uint64_t wire_id, const protocol::hello& request);
  void begin_large_frame(const protocol::native::frame_header& header);
  void feed_large_frame(std::span<const std::byte> bytes);
  void large_received(std::size_t count);
  void large_progressed();
  void grow_large_frame();
  void finish_large_frame();
  void drop_large_frame();
  void submit(std::uint64_t wire_id, protocol::request request,
              const memory_owner& memory);
  void continue_checksum();
  std::size_t requests_in_flight() const;

  // -- connection_output.cpp: replies into bytes -----------------------------

  protocol::byte_buffer& out();
  /// Begins the next fetch if there is room for its value.
  void fetch_next();
  void read_fetched(std::uint64_t charged_bytes);
  void end_fetch(const failure& error, memory_owner memory,
                 std::span<const std::byte> value);
  void schedule_flush();
  void flush();
  void discard_output(std::size_t count);
  template <class Actor, class Message>
  void send_to(const Actor& whom, Message message) {
    message.from = as_session();
    caf_compat::tell(this, whom, std::move(message));
  }

  void forward(std::uint32_t shard, shard_request message) override;
  void forward(store_request message) override;
  void fetch(request_ref ref,
             std::shared_ptr<const stored_value> value) override;
  void reply(std::uint64_t wire_id, protocol::request_type type,
             const protocol::reply& message,
             const memory_owners& memory) override;

  connection_args args_;
  request_router router_;

  std::shared_ptr<receive_buffer> buffer_;
  /// Bytes of the buffer that were parsed, and that have arrived.
  std::size_t parsed_bytes_ = 0;
  std::size_t arrived_bytes_ = 0;
  std::optional<large_frame> large_;
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
  std::size_t next_reader_ = 0;
  bool flush_scheduled_ = false;
  bool blocked_ = false;

  /// No more requests: the peer is done, or was refused.
  bool input_ended_ = false;
  /// … in the latter case what still comes is read and dropped until then.
  bool refused_ = false;
  std::optional<time_point> linger_until_;
  bool closed_ = false;
  /// Set while a frame is incomplete.
  std::optional<time_point> frame_began_;
  time_point last_check_;
  time_point last_request_;
  time_point last_write_progress_;
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::stream_received)
KVS_MESSAGE(kvs::actors::stream_writable)
KVS_MESSAGE(kvs::actors::flush_due)
KVS_MESSAGE(kvs::actors::checksum_due)
KVS_MESSAGE(kvs::actors::deadline_check_due)
