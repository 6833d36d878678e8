// Why bytes from the network were refused, for every protocol alike.

#pragma once

#include "protocol/status.hpp"

#include <string>

namespace kvs::protocol {

/// What a decoder returns instead of a request. Hostile bytes are ordinary
/// input, so this is a value and nothing is thrown.
struct decode_error {
  /// The number for the error frame.
  status code{status::malformed};

  /// What was wrong and what did not happen, for people.
  std::string message;

  /// True: the position in the byte stream is lost or the peer is not to be
  /// trusted. Send the error, flush it, close.
  bool close{true};

  /// False: close without a word. The peer speaks TLS and would take an
  /// error frame for a broken handshake record.
  bool answer{true};
};

} // namespace kvs::protocol
