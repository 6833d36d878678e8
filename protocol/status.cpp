// The names of the wire statuses.

#include "protocol/status.hpp"

namespace kvs::protocol {

std::string_view name_of(status code) {
  switch (code) {
    case status::ok:
      return "ok";
    case status::bad_magic:
      return "bad_magic";
    case status::bad_version:
      return "bad_version";
    case status::bad_type:
      return "bad_type";
    case status::too_big:
      return "too_big";
    case status::malformed:
      return "malformed";
    case status::key_too_large:
      return "key_too_large";
    case status::value_too_large:
      return "value_too_large";
    case status::batch_too_large:
      return "batch_too_large";
    case status::bad_argument:
      return "bad_argument";
    case status::out_of_range:
      return "out_of_range";
    case status::wrong_type:
      return "wrong_type";
    case status::conflict:
      return "conflict";
    case status::no_space:
      return "no_space";
    case status::read_only:
      return "read_only";
    case status::io_error:
      return "io_error";
    case status::corrupt:
      return "corrupt";
    case status::overloaded:
      return "overloaded";
    case status::shutting_down:
      return "shutting_down";
    case status::outcome_unknown:
      return "outcome_unknown";
    case status::too_slow:
      return "too_slow";
    case status::internal:
      return "internal";
  }
  return "unknown status";
}

} // namespace kvs::protocol
