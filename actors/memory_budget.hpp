/// MEMORY BUDGET: how much memory large requests may take together.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/operation.hpp"

#include <cstdint>
#include <memory>

namespace kvs::actors {

/// The budget answers a reservation.
struct memory_granted {
  std::uint64_t bytes = 0;
  /// As in the reservation.
  std::uint32_t purpose = 0;
};

/// What the memory was for has to be given up: others could not go on.
struct memory_refused {
  std::uint32_t purpose = 0;
};

/// Who reserves memory must understand the answers.
using memory_user_actor = caf::typed_actor<caf_compat::takes<memory_granted>,
                                           caf_compat::takes<memory_refused>>;

/// Let me hold this many more bytes. One at a time for each purpose.
struct reserve_memory {
  memory_user_actor from;
  std::uint64_t bytes = 0;
  /// The user's own distinction; comes back with the answer.
  std::uint32_t purpose = 0;
  /// What the same request holds already; decides who has to give way.
  std::uint64_t held_bytes = 0;
};

/// Memory that was granted is free again.
struct release_memory {
  std::uint64_t bytes = 0;
};

/// This user does not wait any more.
struct cancel_reservation {
  caf::actor_addr from;
};

/// MEMORY BUDGET: owns the count of bytes that large requests, replies and
/// values under evaluation hold.
///
/// Of a request, what is charged are bytes about to arrive, in steps, not the
/// announced size. Requests that fit a connection's fixed receive buffer are
/// not charged at all: that buffer is the share which is kept for small
/// requests.
///
/// Order: first come, first served; a reservation that does not fit waits.
/// What is more than the whole budget is refused at once.
/// Progress: when nothing was granted or released for a second although
/// somebody waits, the largest waiting request is refused. Its connection
/// drops it, and what it held lets the others go on.
using memory_budget_actor
  = caf::typed_actor<caf_compat::takes<reserve_memory>,
                     caf_compat::takes<release_memory>,
                     caf_compat::takes<cancel_reservation>>;

/// Memory that was granted, on its way back.
struct memory_charge {
  memory_budget_actor budget;
  std::uint64_t bytes = 0;

  void release() const {
    if (bytes > 0)
      caf_compat::tell_anon(budget, release_memory{bytes});
  }
};

/// `memory` with its charge: the budget gets it back when the last owner lets
/// go.
memory_owner charged_memory(memory_owner memory, memory_charge charge);

memory_budget_actor spawn_memory_budget(caf::actor_system& system,
                                        std::uint64_t bytes_max);

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::memory_granted)
KVS_MESSAGE(kvs::actors::memory_refused)
KVS_MESSAGE(kvs::actors::reserve_memory)
KVS_MESSAGE(kvs::actors::release_memory)
KVS_MESSAGE(kvs::actors::cancel_reservation)
