// Writing results for people and for machines.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace kvs::apps {

// Results go to stdout, everything else to stderr. A closed stdout is
// remembered and becomes the exit code, it never ends the program by itself.

/// Keeps the order in which fields are added.
using json_value = nlohmann::ordered_json;

/// Writes bytes as they are.
void print_bytes(std::string_view bytes);

/// Writes bytes as they are and a newline.
void print_line(std::string_view line);

/// Writes one line of JSON.
void print_json(const json_value& value);

/// Writes "kvs-client: MESSAGE" to stderr.
void print_error(std::string_view message);

/// Flushes stdout. Returns false if anything written to it was lost.
bool flush_output();

/// Adds `bytes` to `object` as `name` if it is text, else as `name_base64`.
void add_bytes(json_value& object, const std::string& name,
               std::string_view bytes);

/// Returns `bytes` in quotes, fit for a message: control characters and what is
/// no UTF-8 are escaped, and what is long is cut.
std::string in_quotes(std::string_view bytes);

/// Returns `number` with commas between the thousands.
std::string grouped(std::uint64_t number);

/// Returns `bytes` with a unit that keeps the number short, such as "1.5 MiB".
std::string readable_bytes(std::uint64_t bytes);

} // namespace kvs::apps
