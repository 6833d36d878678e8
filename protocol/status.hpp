// The frozen error numbers of the wire and what a client does about each.

#pragma once

#include <cstdint>
#include <string_view>

namespace kvs::protocol {

/// Says why a request was refused. The numbers are frozen: they are bytes on
/// the wire, so a number is never reused and never changes its meaning.
///
/// "Not found" and "the condition did not hold" are not here: they are fields
/// of ordinary replies.
enum class status : std::uint16_t {
  /// Never inside an error frame. Stands for success in tables and logs.
  ok = 0,

  // The bytes were no frame of this protocol. The connection is closed.

  /// Reaction: you speak another protocol to this port; correct the address.
  bad_magic = 1,
  /// Reaction: use a version that the node offers, or update the client.
  bad_version = 2,
  /// The only one of this group that leaves the connection open.
  /// Reaction: the node is older than the client; do without this request.
  bad_type = 3,
  /// Reaction: send less per frame; `hello_reply` names the limit.
  too_big = 4,
  /// Reaction: report a bug of the client.
  malformed = 5,

  // The request was understood and refused. Nothing was changed.

  /// Reaction: shorten the key; `hello_reply` names the limit.
  key_too_large = 16,
  /// Reaction: split the value; `hello_reply` names the limit.
  value_too_large = 17,
  /// Reaction: split the batch; `hello_reply` names the limit.
  batch_too_large = 18,
  /// An expiry out of range, a forged cursor, an unknown condition.
  /// Reaction: correct the argument.
  bad_argument = 32,
  /// The increment would leave the range of a signed 64-bit integer.
  /// Reaction: report it to whoever chose the delta.
  out_of_range = 33,
  /// The value is no decimal integer, so it cannot be incremented.
  /// Reaction: look at the key; another program owns it.
  wrong_type = 34,
  /// A version in the read set of a transaction has changed.
  /// Reaction: read again, decide again, send again.
  conflict = 35,

  // The store cannot do it now. Unless the text says otherwise nothing was
  // changed.

  /// Reaction: free disk space, then repeat.
  no_space = 64,
  /// The store refuses writes, for example after a failed sync.
  /// Reaction: an operator has to look at the node.
  read_only = 65,
  /// Reaction: an operator has to look at the disk.
  io_error = 66,
  /// A stored value fails its checksum.
  /// Reaction: restore the key from a backup; repeating does not help.
  corrupt = 67,
  /// Reaction: repeat after a pause that grows.
  overloaded = 96,
  /// Reaction: connect again in a moment, then repeat.
  shutting_down = 97,
  /// The write may or may not have happened. Never folded into a failure.
  /// Reaction: read the key before deciding whether to repeat.
  outcome_unknown = 98,
  /// A frame arrived too slowly or replies were not read; the connection is
  /// closed. Reaction: connect again; send frames at 1 MiB/s or more.
  too_slow = 99,
  /// A defect of the node. Reaction: report it with the text.
  internal = 127,
};

/// Returns the name of `code` as in the enumeration, or "unknown status".
/// The view lives for ever.
std::string_view name_of(status code);

} // namespace kvs::protocol
