// Reading of snapshot files.

#include "protocol/resp/numbers.hpp"
#include "protocol/resp/rdb.hpp"
#include "protocol/resp/rdb_input.hpp"
#include "protocol/resp/rdb_types.hpp"

#include <algorithm>

namespace kvs::protocol::resp {

namespace {

// What stands in front of entries and between them.
enum class opcode : std::uint8_t {
  function_library = 245,
  function_before_release = 246,
  module_aux = 247,
  idle_time = 248,
  frequency = 249,
  aux_field = 250,
  table_sizes = 251,
  expires_at_ms = 252,
  expires_at_s = 253,
  database = 254,
  end = 255,
};

constexpr int first_version_with_checksum = 5;

class file_reader {
public:
  file_reader(std::istream& stream, const rdb_visitor& visit,
              std::uint64_t string_bytes_max)
    : in_(stream), visit_(visit), string_bytes_max_(string_bytes_max) {
  }

  rdb_summary read() {
    read_version();
    while (in_.is_good() && !is_over_)
      read_part(in_.byte());
    summary_.offset = in_.offset();
    summary_.error = in_.error();
    return std::move(summary_);
  }

private:
  void read_version() {
    const std::string magic = in_.raw(5);
    const auto version = in_.raw(4);
    // Four digits, filled up with zeros.
    const auto number = to_integer(std::string_view{version}.substr(
      std::min(version.find_first_not_of('0'), version.size())));
    if (in_.is_good() && magic != "REDIS")
      return in_.fail("this is no snapshot of Redis");
    if (in_.is_good() && (!number || *number < 1 || *number > rdb_version))
      return in_.fail("version " + version + " of the format is unknown");
    summary_.version = static_cast<int>(number.value_or(0));
  }

  void read_part(std::uint8_t code) {
    switch (static_cast<opcode>(code)) {
      case opcode::end:
        return read_checksum();
      case opcode::database:
        database_ = in_.length();
        return;
      case opcode::expires_at_s:
        expires_at_ms_ = static_cast<std::int64_t>(in_.fixed(4)) * 1000;
        return;
      case opcode::expires_at_ms:
        expires_at_ms_ = static_cast<std::int64_t>(in_.fixed(8));
        return;
      case opcode::table_sizes:
        in_.length();
        in_.length();
        return;
      case opcode::frequency:
        in_.byte();
        return;
      case opcode::idle_time:
        in_.length();
        return;
      default:
        read_rarer_part(code);
    }
  }

  void read_rarer_part(std::uint8_t code) {
    switch (static_cast<opcode>(code)) {
      case opcode::aux_field:
        in_.skip_string();
        in_.skip_string();
        return;
      case opcode::module_aux:
        in_.length();
        in_.length();
        in_.length();
        skip_rdb_module_values(in_);
        return;
      case opcode::function_library:
        in_.skip_string();
        return;
      case opcode::function_before_release:
        in_.skip_string();
        in_.skip_string();
        if (in_.length() != 0)
          in_.skip_string();
        in_.skip_string();
        return;
      default:
        read_entry(code);
    }
  }

  void read_entry(std::uint8_t type) {
    if (type == rdb_type_string)
      read_string();
    else
      skip_other(type);
    expires_at_ms_ = 0;
  }

  void read_string() {
    const std::string key = in_.string(string_bytes_max_);
    const auto value = in_.string_or_size(string_bytes_max_);
    if (!in_.is_good())
      return;
    ++summary_.string_count;
    if (!visit_({key, value.bytes, value.size_bytes, expires_at_ms_, database_,
                 in_.offset()}))
      in_.fail("refused by the receiver");
  }

  void skip_other(std::uint8_t type) {
    in_.skip_string();
    const auto name = skip_rdb_value(in_, type);
    if (in_.is_good())
      ++summary_.skipped[database_][std::string{name}];
  }

  void read_checksum() {
    is_over_ = true;
    if (summary_.version < first_version_with_checksum)
      return;
    const std::uint64_t computed = in_.checksum();
    const std::uint64_t stored = in_.fixed(8);
    // Zero: it was written without one.
    if (in_.is_good() && stored != 0 && stored != computed)
      in_.fail("the checksum does not match");
  }

  rdb_input in_;
  const rdb_visitor& visit_;
  std::uint64_t string_bytes_max_;
  rdb_summary summary_;
  std::uint64_t database_{0};
  std::int64_t expires_at_ms_{0};
  bool is_over_{false};
};

} // namespace

rdb_summary read_rdb(std::istream& in, const rdb_visitor& visit,
                     std::uint64_t string_bytes_max) {
  return file_reader{in, visit, string_bytes_max}.read();
}

} // namespace kvs::protocol::resp
