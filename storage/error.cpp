#include "storage/error.hpp"

#include <system_error>

namespace kvs::storage {

const char* to_string(errc code) noexcept {
  switch (code) {
    case errc::too_large:
      return "too large";
    case errc::no_space:
      return "no space";
    case errc::corrupt:
      return "corrupt";
    case errc::unknown_format:
      return "unknown format";
    case errc::locked:
      return "locked";
    case errc::unusable_directory:
      return "unusable directory";
    case errc::not_found:
      return "not found";
    case errc::too_many_files:
      return "too many open files";
    case errc::no_memory:
      return "no memory";
    case errc::io_failed:
      return "i/o failed";
  }
  return "unknown error";
}

std::string to_string(const error& err) {
  std::string text = err.context;
  text += ": ";
  text += to_string(err.code);
  if (err.os_error != 0) {
    text += " (";
    text += std::generic_category().message(err.os_error);
    text += ")";
  }
  return text;
}

} // namespace kvs::storage
