#include "actors/outcome.hpp"

namespace kvs::actors {
namespace {

outcome translate(storage::errc code) {
  switch (code) {
    case storage::errc::too_large:
      return outcome::value_too_large;
    case storage::errc::no_space:
      return outcome::no_space;
    case storage::errc::corrupt:
    case storage::errc::unknown_format:
      return outcome::corrupt;
    case storage::errc::locked:
    case storage::errc::unusable_directory:
    case storage::errc::not_found:
    case storage::errc::too_many_files:
    case storage::errc::no_memory:
    case storage::errc::io_failed:
      return outcome::io_error;
  }
  return outcome::io_error;
}

} // namespace

failure to_failure(const storage::error& err) {
  return make_failure(translate(err.code), storage::to_string(err));
}

failure make_failure(outcome code, std::string detail) {
  return {code, std::make_shared<const std::string>(std::move(detail))};
}

} // namespace kvs::actors
