// Writing results.

#include "apps/client/output.hpp"

#include "apps/client/text_encoding.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace kvs::apps {

void print_bytes(std::string_view bytes) {
  // A failure stays visible in ferror, which flush_output looks at.
  (void)std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

void print_line(std::string_view line) {
  print_bytes(line);
  (void)std::fputc('\n', stdout);
}

void print_json(const json_value& value) {
  // Texts of a node might be no UTF-8; dump would throw about them.
  print_line(value.dump(-1, ' ', false, json_value::error_handler_t::replace));
}

void print_error(std::string_view message) {
  std::fprintf(stderr, "kvs-client: %.*s\n", static_cast<int>(message.size()),
               message.data());
}

bool flush_output() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

void add_bytes(json_value& object, const std::string& name,
               std::string_view bytes) {
  if (is_utf8(bytes))
    object[name] = bytes;
  else
    object[name + "_base64"] = to_base64(bytes);
}

std::string in_quotes(std::string_view bytes) {
  // As much as fits into a line or two of a terminal.
  constexpr std::size_t shown_bytes_max = 100;
  constexpr std::string_view digits = "0123456789abcdef";
  const bool is_text = is_utf8(bytes);
  std::string shown{"'"};
  for (const char letter : bytes.substr(0, shown_bytes_max)) {
    const auto code = static_cast<unsigned char>(letter);
    if (code < 0x20 || code == 0x7F || (code >= 0x80 && !is_text)) {
      shown += "\\x";
      shown += digits[code >> 4];
      shown += digits[code & 0xF];
    } else {
      shown += letter;
    }
  }
  shown += '\'';
  if (bytes.size() > shown_bytes_max)
    shown += "... (" + grouped(bytes.size()) + " bytes)";
  return shown;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, 1, ',');
  }
  return digits;
}

std::string readable_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  double scaled = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; scaled >= 1024 && unit + 1 < units.size(); ++unit)
    scaled /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s",
                scaled, units[unit]);
  return text.data();
}

} // namespace kvs::apps
