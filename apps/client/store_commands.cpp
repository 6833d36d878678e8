// The commands on the whole store, and the batch from a file.

#include "apps/client/commands.hpp"
#include "apps/client/file_input.hpp"
#include "apps/client/json_line.hpp"
#include "apps/client/output.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>

namespace kvs::apps {

using namespace kvs::protocol;

namespace {

// Few enough that a page is answered at once, enough that a large store does
// not take a round trip per handful.
constexpr std::uint32_t scan_page_keys = 1000;

// Reads all lines, or says which one is wrong.
bool read_operations(const std::string& file, std::deque<json_line>& lines) {
  line_reader reader{file};
  if (!reader.is_open())
    return false;
  std::string text;
  while (reader.next(text)) {
    if (text.empty())
      continue;
    auto line = parse_json_line(text, true);
    if (const auto* wrong = std::get_if<std::string>(&line)) {
      print_error("line " + std::to_string(reader.line_number()) + ": " + *wrong
                  + "; nothing was written");
      return false;
    }
    lines.push_back(std::move(std::get<json_line>(line)));
  }
  if (reader.failed())
    print_error("cannot read '" + file + "' to its end; nothing was written");
  return !reader.failed();
}

bool confirm_flush(const std::string& address) {
  if (::isatty(STDIN_FILENO) == 0) {
    print_error("this erases every key; say --yes; nothing was erased");
    return false;
  }
  std::fprintf(stderr, "Erase every key of %s? Type 'yes': ", address.c_str());
  std::array<char, 16> answer{};
  if (std::fgets(answer.data(), answer.size(), stdin) != nullptr
      && std::string_view{answer.data()} == "yes\n")
    return true;
  print_error("nothing was erased");
  return false;
}

} // namespace

int run_batch(session& node, const std::string& file) {
  std::deque<json_line> lines;
  if (!read_operations(file, lines))
    return exit_failed;
  batch message;
  for (const json_line& line : lines)
    message.operations.push_back(line.as_operation());
  const auto reply = node.ask(message);
  if (!reply)
    return node.failure();
  if (node.json())
    print_json({{"applied", reply->message.applied},
                {"operations", lines.size()},
                {"version", reply->message.version},
                {"durable_version", reply->message.durable_version}});
  return exit_ok;
}

int run_scan(session& node, const scan_options& options) {
  std::uint64_t cursor = 0;
  do {
    const auto page = node.ask(scan{cursor, scan_page_keys, options.prefix});
    if (!page)
      return node.failure();
    for (const std::string_view key : page->message.keys) {
      if (node.json()) {
        json_value object;
        add_bytes(object, "key", key);
        print_json(object);
      } else {
        print_line(key);
      }
    }
    // Without a reader there is no point in reading the rest of the store.
    if (!flush_output())
      return exit_failed;
    cursor = page->message.next_cursor;
  } while (cursor != 0);
  return exit_ok;
}

int run_count(session& node) {
  const auto reply = node.ask(count{});
  if (!reply)
    return node.failure();
  if (node.json())
    print_json({{"count", reply->message.key_count}});
  else
    print_line(std::to_string(reply->message.key_count));
  return exit_ok;
}

int run_stats(session& node) {
  const auto reply = node.ask(stats{});
  if (!reply)
    return node.failure();
  const auto& figures = reply->message.figures;
  if (node.json()) {
    auto object = json_value::object();
    for (const named_figure& figure : figures)
      object[figure.name] = figure.value;
    print_json(object);
    return exit_ok;
  }
  std::size_t width = 0;
  for (const named_figure& figure : figures)
    width = std::max(width, figure.name.size());
  for (const named_figure& figure : figures)
    print_line(figure.name + std::string(width + 2 - figure.name.size(), ' ')
               + figure.value);
  return exit_ok;
}

int run_sync(session& node) {
  const auto reply = node.ask(protocol::sync{});
  if (!reply)
    return node.failure();
  const auto version = reply->message.durable_version;
  if (node.json())
    print_json({{"durable_version", version}});
  else
    print_line("durable up to version " + std::to_string(version));
  return exit_ok;
}

int run_compact(session& node) {
  const auto reply = node.ask(compact{});
  if (!reply)
    return node.failure();
  const compact_reply& done = reply->message;
  if (node.json())
    print_json({{"segments_rewritten", done.segments_rewritten},
                {"bytes_before", done.bytes_before},
                {"bytes_after", done.bytes_after}});
  else
    print_line(grouped(done.segments_rewritten) + " segments rewritten, "
               + readable_bytes(done.bytes_before) + " before, "
               + readable_bytes(done.bytes_after) + " after");
  return exit_ok;
}

int run_backup(session& node, const backup_options& options) {
  node.be_patient();
  const auto reply
    = node.ask(protocol::backup{options.to, options.earlier, options.copies});
  if (!reply)
    return node.failure();
  const backup_reply& done = reply->message;
  if (node.json())
    print_json({{"segments", done.segments},
                {"bytes", done.bytes},
                {"kept", done.kept},
                {"linked", done.linked},
                {"copied", done.copied},
                {"copied_bytes", done.copied_bytes},
                {"version", done.version}});
  else
    print_line(grouped(done.segments) + " segments, "
               + readable_bytes(done.bytes) + ": " + grouped(done.kept)
               + " kept, " + grouped(done.linked) + " linked, "
               + grouped(done.copied) + " copied; up to version "
               + std::to_string(done.version));
  return exit_ok;
}

int run_flush(session& node, const flush_options& options) {
  if (!options.yes && !confirm_flush(node.options().address))
    return exit_failed;
  const auto reply = node.ask(flush{});
  if (!reply)
    return node.failure();
  if (node.json())
    print_json({{"applied", reply->message.applied},
                {"version", reply->message.version},
                {"durable_version", reply->message.durable_version}});
  return exit_ok;
}

int run_ping(session& node) {
  if (node.node() == nullptr)
    return node.failure();
  const auto begin = std::chrono::steady_clock::now();
  const auto reply = node.ask(ping{"kvs"});
  if (!reply)
    return node.failure();
  const std::chrono::duration<double, std::milli> took
    = std::chrono::steady_clock::now() - begin;
  if (node.json()) {
    print_json({{"milliseconds", took.count()}});
    return exit_ok;
  }
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "pong after %.3f ms", took.count());
  print_line(text.data());
  return exit_ok;
}

} // namespace kvs::apps
