/// Why an operation was not carried out, in the words of the actors.
#pragma once

#include "storage/error.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace kvs::actors {

/// How an operation ended. Only mailboxes carry these; the CONNECTION turns
/// them into the frozen numbers of the wire. An outcome exists only where a
/// client reacts to it differently.
enum class outcome : std::uint8_t {
  /// It took effect, or the answer says why its condition did not hold.
  ok = 0,
  /// The resulting value would exceed the limit. Nothing changed.
  value_too_large,
  /// The sum would leave 64 bits. Nothing changed.
  out_of_range,
  /// The value is no decimal integer. Nothing changed.
  wrong_type,
  /// What was asked for makes no sense here. Nothing changed.
  bad_argument,
  /// A version that the transaction relied on has changed. Nothing changed.
  conflict,
  /// The disk is full. Nothing changed.
  no_space,
  /// The store takes no writes any more. Nothing changed.
  read_only,
  /// The disk failed. For a write: nothing changed.
  io_error,
  /// The stored bytes fail their checksum; they are not served.
  corrupt,
  /// Too much waits already. Nothing changed.
  overloaded,
  /// The store is closing. Nothing changed.
  shutting_down,
  /// The write reached the log but not certainly the disk, or what it began
  /// from is not certain: it may or may not survive.
  outcome_unknown,
};

/// Text for people, shared by all answers that one failure causes.
using failure_detail = std::shared_ptr<const std::string>;

struct failure {
  outcome code = outcome::ok;
  failure_detail detail;
};

/// Translates a storage failure; the only place where the two meet.
failure to_failure(const storage::error& err);

failure make_failure(outcome code, std::string detail);

} // namespace kvs::actors
