/// Takes the requests of one client to the actors of the store and puts their
/// answers together: everything a session needs above its codec. No actor
/// itself; a CONNECTION owns one and sends what it hands out.
#pragma once

#include "actors/program.hpp"
#include "actors/session.hpp"
#include "actors/shard.hpp"
#include "actors/store.hpp"
#include "actors/writer.hpp"
#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace kvs::actors {

/// What goes to one shard.
using shard_request = std::variant<read_batch, evaluate_batch, scan_keys>;
/// What goes to the WRITER; `compact_store` to the COMPACTOR, `make_backup` to
/// the ARCHIVIST and `collect_figures` to every shard, WRITER and COMPACTOR.
using store_request
  = std::variant<append_batch, append_atomic, withdraw_transaction, place_cut,
                 count_at_cut, flush_store, sync_now, compact_store,
                 make_backup, collect_figures>;

/// What a router needs of its owner: a way out. Every message is complete but
/// for `from`, which the owner fills in.
class router_port {
public:
  virtual ~router_port() = default;
  virtual void forward(std::uint32_t shard, shard_request message) = 0;
  virtual void forward(store_request message) = 0;
  /// Have a large value read when there is room for it, and tell `fetched`.
  virtual void fetch(request_ref ref, std::shared_ptr<const stored_value> value)
    = 0;
  /// Have `what` run where that may take long, and tell `programmed`.
  virtual void run(request_ref ref, std::shared_ptr<program> what) = 0;
  /// An operation is answered that was submitted as one. `found` borrows from
  /// `memory`.
  virtual void answered(std::uint64_t wire_id, const answer& found,
                        const memory_owners& memory)
    = 0;
  /// One request is answered. The reply borrows from `memory` and from the
  /// caller's stack; it has to be encoded before the call returns, except for
  /// a value, which `memory` keeps.
  virtual void reply(std::uint64_t wire_id, protocol::request_type type,
                     const protocol::reply& message,
                     const memory_owners& memory)
    = 0;
};

/// Which way a request goes. Two writes to one key may be on their way together
/// only if both go the same way.
enum class route : std::uint8_t { read, blind, evaluate, atomic };

/// Order: requests take effect in the order of `submit`, per key. A request is
/// held back only behind an own write to that key that went another way, and
/// one on the whole store behind all own writes (docs/architecture.md).
/// Failure: every submitted request is replied to exactly once, provided the
/// store answers every message.
/// Ownership: one actor; no locks.
class request_router {
public:
  request_router(store_access store, router_port& port);
  request_router(const request_router&) = delete;
  request_router& operator=(const request_router&) = delete;
  ~request_router();

  /// Takes over a request that the store answers (all but hello and ping).
  /// `memory` owns the bytes it borrows. `value_crcs` are the checksums of its
  /// values, in their order, if the caller has computed them.
  void submit(std::uint64_t wire_id, protocol::request request,
              const memory_owner& memory,
              std::vector<std::uint32_t> value_crcs = {});

  /// Takes over an operation whose `ref` is left to the router; answered by
  /// `router_port::answered`. Its hash and checksum are set. @pre way is not
  /// atomic
  void submit(std::uint64_t wire_id, operation op, route way,
              const memory_owner& memory);

  /// Runs `what`; answered by `program::done`. Counts for `bytes` in the
  /// window.
  void submit(std::shared_ptr<program> what, std::uint64_t bytes = 0);

  /// Sends what the last calls have collected: reads first, one message per
  /// destination. Call it at the end of every turn.
  void send_collected();

  void handle(operations_answered& message);
  void handle(const keys_scanned& message);
  void handle(const figures_collected& message);
  void handle(const transaction_rejected& message);
  /// A value that `router_port::fetch` asked for, or why there is none.
  void fetched(request_ref ref, const failure& error, memory_owner memory,
               std::span<const std::byte> value);

  /// What a program that `router_port::run` was given wants to write.
  void programmed(request_ref ref, const failure& error,
                  std::vector<operation> operations);

  /// Requests that have not been replied to.
  std::size_t in_flight() const noexcept {
    return in_flight_;
  }
  /// Bytes of their keys and values, where there is one of each, and a guess
  /// for those that have large replies.
  std::uint64_t in_flight_bytes() const noexcept {
    return in_flight_bytes_;
  }

private:
  /// The part that only requests of several keys or held ones need.
  struct details;

  struct flight {
    std::uint64_t wire_id = 0;
    protocol::request_type type{};
    route way = route::read;
    storage::key_hash hash = 0;
    std::uint64_t bytes = 0;
    /// It was submitted as an operation, not as a request.
    bool is_operation = false;
    /// Nothing else may be on its way.
    bool is_exclusive = false;
    std::unique_ptr<details> more;
  };

  /// A request for one key.
  struct single {
    operation op;
    std::string_view key;
    std::string_view value;
    route way = route::read;
  };

  /// Own writes to one key.
  struct lane {
    route way = route::blind;
    std::uint32_t count = 0;
    /// Those behind, oldest first; hardly ever any.
    std::vector<std::uint32_t> held;
  };

  std::uint32_t open_flight(std::uint64_t wire_id, protocol::request_type type);
  void close_flight(std::uint32_t slot);
  details& details_of(std::uint32_t slot);

  // -- request_router.cpp: order --------------------------------------------

  /// nullopt: it is for several keys or the whole store.
  std::optional<single> single_of(const protocol::request& request) const;
  void route_single(std::uint32_t slot, const operation& op, route way,
                    const memory_owner& memory);
  void keep(std::uint32_t slot, const operation& op, route way,
            const memory_owner& memory);
  bool conflicts(std::uint32_t slot);
  void route_wide(std::uint32_t slot, bool whole_store);
  void collect_keys(std::uint32_t slot);
  void start_wide(std::uint32_t slot);
  void dispatch(std::uint32_t slot, const operation& op, route way,
                const memory_owner& memory);
  void enter_lane(storage::key_hash hash, route way);
  void leave_lane(storage::key_hash hash);
  void release_barrier();

  // -- request_router_wide.cpp: several keys ---------------------------------

  void start_multi_get(std::uint32_t slot);
  void start_scan(std::uint32_t slot, const protocol::scan& request);
  void start_atomic(std::uint32_t slot);
  void collect_writes(std::uint32_t slot);
  void look_up(std::uint32_t slot);
  void append_writes(std::uint32_t slot);
  void take_answer(std::uint32_t slot, answer& found,
                   const operations_answered& message);
  void take_part(std::uint32_t slot);
  void finish_look_up(std::uint32_t slot);

  // -- request_router_programs.cpp -------------------------------------------

  void start_program(std::uint32_t slot);
  void look_up_program(std::uint32_t slot);
  void list_keys(std::uint32_t slot);
  void list_more(std::uint32_t slot, std::uint32_t shard,
                 std::uint32_t partition);
  void take_listed(std::uint32_t slot, const keys_scanned& message);
  void take_looked_up(std::uint32_t slot, answer& found,
                      const operations_answered& message);
  void run_program(std::uint32_t slot);
  void end_program(std::uint32_t slot, const failure& error,
                   storage::sequence_number version);

  // -- request_router_replies.cpp --------------------------------------------

  void reply_value(std::uint32_t slot);
  void reply_values(std::uint32_t slot);
  void reply_figures(std::uint32_t slot);

  void reply(std::uint32_t slot, const protocol::reply& message,
             const memory_owners& memory);
  void reply_single(std::uint32_t slot, const answer& found,
                    const operations_answered& message);
  void reply_failure(std::uint32_t slot, outcome code,
                     const failure_detail& detail);
  protocol::value_reply to_value_reply(const answer& found) const;
  std::int64_t ttl_of(storage::timestamp_ms expires_at) const;
  operation to_operation(const protocol::put& request) const;
  storage::timestamp_ms expiry_after(std::int64_t ttl_ms) const;

  store_access store_;
  router_port& port_;
  std::vector<flight> flights_;
  std::vector<std::uint32_t> free_;
  std::size_t in_flight_ = 0;
  std::uint64_t in_flight_bytes_ = 0;

  boost::unordered_flat_map<storage::key_hash, lane> lanes_;
  std::size_t writes_in_flight_ = 0;
  /// Requests that wait until no own write is in flight, and all behind them.
  std::deque<std::uint32_t> barrier_;
  /// A write to the whole store is in flight: everything else waits.
  bool exclusive_ = false;

  /// Operations that leave together.
  template <class Batch>
  class collected {
  public:
    void add(const operation& op, const memory_owner& memory) {
      // Most turns are like the one before.
      if (batch_.operations.capacity() == 0)
        batch_.operations.reserve(last_count_);
      batch_.operations.push_back(op);
      batch_.memory.add(memory);
    }
    bool empty() const noexcept {
      return batch_.operations.empty();
    }
    Batch take() {
      last_count_ = batch_.operations.size();
      return std::exchange(batch_, {});
    }

  private:
    Batch batch_;
    std::size_t last_count_ = 0;
  };

  std::vector<collected<read_batch>> reads_;
  std::vector<collected<evaluate_batch>> evaluations_;
  collected<append_batch> blind_;
};

} // namespace kvs::actors
