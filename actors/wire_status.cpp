#include "actors/wire_status.hpp"

namespace kvs::actors {

protocol::status to_wire_status(outcome code) noexcept {
  switch (code) {
    case outcome::ok:
      return protocol::status::ok;
    case outcome::value_too_large:
      return protocol::status::value_too_large;
    case outcome::out_of_range:
      return protocol::status::out_of_range;
    case outcome::wrong_type:
      return protocol::status::wrong_type;
    case outcome::bad_argument:
      return protocol::status::bad_argument;
    case outcome::conflict:
      return protocol::status::conflict;
    case outcome::no_space:
      return protocol::status::no_space;
    case outcome::read_only:
      return protocol::status::read_only;
    case outcome::io_error:
      return protocol::status::io_error;
    case outcome::corrupt:
      return protocol::status::corrupt;
    case outcome::overloaded:
      return protocol::status::overloaded;
    case outcome::shutting_down:
      return protocol::status::shutting_down;
    case outcome::outcome_unknown:
      return protocol::status::outcome_unknown;
  }
  return protocol::status::internal;
}

std::string describe(outcome code, const failure_detail& detail) {
  if (detail != nullptr)
    return *detail;
  switch (code) {
    case outcome::value_too_large:
      return "the value would exceed the limit of this node; nothing changed";
    case outcome::out_of_range:
      return "the sum would leave the range of a signed 64-bit integer; "
             "nothing changed";
    case outcome::wrong_type:
      return "the value is not a decimal integer; nothing changed";
    default:
      return std::string{protocol::name_of(to_wire_status(code))};
  }
}

} // namespace kvs::actors
