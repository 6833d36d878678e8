// Export to JSON Lines.

#include "apps/client/json_line.hpp"
#include "apps/client/output.hpp"
#include "apps/client/progress_bar.hpp"
#include "apps/client/transfer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>

namespace kvs::apps {

using namespace kvs::protocol;

namespace {

constexpr std::uint32_t scan_page_keys = 1000;

// Values under way: many small ones, few large ones. How large they are is
// guessed from those that have come.
constexpr std::size_t window_requests = 512;
constexpr std::uint64_t window_bytes = 32 << 20;

/// Lists keys page by page, reads their values pipelined, writes lines.
class exporter {
public:
  exporter(session& node, std::FILE* out) : node_(node), out_(out) {
  }

  /// Returns an exit code; nothing of it is about closing the file.
  int run() {
    const auto total = node_.ask(count{});
    if (!total)
      return node_.failure();
    total_ = total->message.key_count;
    std::uint64_t cursor = 0;
    do {
      const auto page = node_.ask(scan{cursor, scan_page_keys, ""});
      if (!page)
        return node_.failure();
      for (const std::string_view key : page->message.keys)
        if (!fetch(key))
          return node_.failure();
      cursor = page->message.next_cursor;
    } while (cursor != 0);
    while (!waiting_.empty())
      if (!finish_oldest())
        return node_.failure();
    progress_.finish(exported_);
    return failed_ == 0 ? exit_ok : exit_failed;
  }

private:
  struct waiting_key {
    std::string key;
    std::future<client_outcome<received<value_reply>>> answer;
  };

  bool fetch(std::string_view key) {
    while (waiting_.size() >= window())
      if (!finish_oldest())
        return false;
    protocol::client* connected = node_.node();
    if (connected == nullptr)
      return false;
    waiting_.push_back({std::string{key}, connected->start(get{key})});
    return true;
  }

  std::size_t window() const {
    const std::uint64_t average_bytes = value_bytes_ / (exported_ + 1) + 1;
    return std::clamp<std::uint64_t>(window_bytes / average_bytes, 1,
                                     window_requests);
  }

  /// Returns whether it makes sense to go on.
  bool finish_oldest() {
    waiting_key oldest = std::move(waiting_.front());
    waiting_.pop_front();
    const auto outcome = oldest.answer.get();
    if (!outcome) {
      progress_.hide();
      node_.report(outcome.error());
      ++failed_;
      // A damaged value is no reason to lose the others.
      return outcome.error().server_status == status::corrupt;
    }
    const value_reply& found = outcome.value().message;
    // A key that was erased or has expired since the scan is simply gone.
    if (!found.found)
      return true;
    ++exported_;
    value_bytes_ += found.value.size();
    const std::string line = to_json_line(oldest.key, found) + '\n';
    progress_.update(exported_, total_, exported_);
    if (std::fwrite(line.data(), 1, line.size(), out_) == line.size())
      return true;
    print_error(std::string{"cannot write: "} + std::strerror(errno));
    return false;
  }

  session& node_;
  std::FILE* out_;
  progress_bar progress_{"exported"};
  std::deque<waiting_key> waiting_;
  std::uint64_t total_{0};
  std::uint64_t exported_{0};
  std::uint64_t value_bytes_{0};
  std::uint64_t failed_{0};
};

int report_file_error(const std::string& what) {
  print_error(what + ": " + std::strerror(errno));
  return exit_failed;
}

} // namespace

int run_export(session& node, const std::string& file) {
  if (file == "-")
    return exporter{node, stdout}.run();
  const std::string partial = file + ".partial";
  std::FILE* out = std::fopen(partial.c_str(), "wbe");
  if (out == nullptr)
    return report_file_error("cannot create '" + partial + "'");
  const int code = exporter{node, out}.run();
  if (std::fclose(out) != 0)
    return report_file_error("cannot write '" + partial + "'");
  if (code != exit_ok) {
    print_error("the export is not complete; see '" + partial + "'");
    return code;
  }
  if (std::rename(partial.c_str(), file.c_str()) != 0)
    return report_file_error("cannot rename '" + partial + "'");
  return exit_ok;
}

} // namespace kvs::apps
