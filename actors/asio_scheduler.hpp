/// CAF's scheduler made of Asio: every worker is the thread of one io_context,
/// so sockets and actors share threads and a request needs no context switch
/// (docs/adr/0001-asio-is-the-scheduler.md).
#pragma once

#include "actors/job_queue.hpp"

#include <cstddef>
#include <memory>

namespace kvs::actors {

/// Makes `config` create its actor system with `loop_count` Asio workers. Call
/// it before the actor system is constructed.
void use_asio_scheduler(caf::actor_system_config& config,
                        std::size_t loop_count);

/// The worker number `index % count` of a system that was configured so.
/// @pre use_asio_scheduler() configured the system
job_queue& loop_of(caf::actor_system& system, std::size_t index);

std::size_t loop_count(caf::actor_system& system);

} // namespace kvs::actors
