// Import of JSON Lines.

#include "apps/client/file_input.hpp"
#include "apps/client/json_line.hpp"
#include "apps/client/output.hpp"
#include "apps/client/progress_bar.hpp"
#include "apps/client/transfer.hpp"

#include <deque>

namespace kvs::apps {

using namespace kvs::protocol;

namespace {

// Enough to keep the node busy during a round trip and its group commits; the
// second bound keeps large values from filling the memory of both sides.
constexpr std::size_t window_requests = 1024;
constexpr std::size_t window_bytes = 16 << 20;

/// Sends puts and collects their answers in the order of the lines.
class importer {
public:
  explicit importer(session& node) : node_(node) {
  }

  int run(const std::string& file) {
    line_reader reader{file};
    if (!reader.is_open() || node_.node() == nullptr)
      return node_.failure();
    std::string text;
    while (!lost_ && reader.next(text)) {
      if (!text.empty())
        send(text, reader.line_number());
      progress_.update(reader.read_bytes(), reader.file_bytes(), imported_);
    }
    while (!waiting_.empty())
      finish_oldest();
    if (reader.failed())
      complain(reader.line_number(), "reading stopped behind this line");
    progress_.finish(imported_);
    if (node_.json())
      print_json({{"imported", imported_},
                  {"failed", failed_},
                  {"lines", reader.line_number()}});
    return failed_ == 0 ? exit_ok : exit_failed;
  }

private:
  struct waiting_line {
    std::uint64_t line_number{0};
    std::size_t size_bytes{0};
    std::future<client_outcome<received<write_reply>>> answer;
  };

  void send(const std::string& text, std::uint64_t line_number) {
    const auto parsed = parse_json_line(text, false);
    if (const auto* wrong = std::get_if<std::string>(&parsed))
      return complain(line_number, *wrong + "; not imported");
    const json_line& line = std::get<json_line>(parsed);
    while (waiting_.size() >= window_requests
           || (waiting_bytes_ >= window_bytes && !waiting_.empty()))
      finish_oldest();
    // A lost connection is found out by a line that waits.
    if (lost_)
      return;
    const std::size_t size_bytes = line.key.size() + line.value.size();
    waiting_bytes_ += size_bytes;
    waiting_.push_back(
      {line_number, size_bytes,
       node_.node()->start(put{line.key, {}, 0, line.expiry_ms, line.value})});
  }

  void finish_oldest() {
    waiting_line oldest = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= oldest.size_bytes;
    const auto outcome = oldest.answer.get();
    if (outcome) {
      ++imported_;
      return;
    }
    // After a lost connection the first line says enough; all the others
    // have the same fate.
    if (!lost_)
      complain(oldest.line_number, outcome.error().message);
    else
      ++failed_;
    lost_ = lost_ || outcome.error().code != client_errc::refused;
  }

  void complain(std::uint64_t line_number, const std::string& why) {
    ++failed_;
    progress_.hide();
    print_error("line " + std::to_string(line_number) + ": " + why);
  }

  session& node_;
  progress_bar progress_{"imported"};
  std::deque<waiting_line> waiting_;
  std::size_t waiting_bytes_{0};
  std::uint64_t imported_{0};
  std::uint64_t failed_{0};
  bool lost_{false};
};

} // namespace

int run_import(session& node, const std::string& file) {
  return importer{node}.run(file);
}

} // namespace kvs::apps
