/// Outcomes of the actors in the numbers and words of the wire.
#pragma once

#include "actors/outcome.hpp"
#include "protocol/status.hpp"

#include <string>

namespace kvs::actors {

/// The only translation of outcomes; `ok` is `ok`.
protocol::status to_wire_status(outcome code) noexcept;

/// What a client is told: what was wrong and what did not happen.
std::string describe(outcome code, const failure_detail& detail);

} // namespace kvs::actors
