// When the COMPACTOR writes the hint file of a segment, and how.

#include "actors/compactor_state.hpp"
#include "actors/logging.hpp"

#include <algorithm>
#include <iterator>

namespace kvs::actors {
namespace {

/// Hints are a fifth of what small records take. A segment that is overwritten
/// soon is gone before anybody reads its hints; if the node crashes before they
/// are written, the segment is read instead.
constexpr std::chrono::seconds hint_delay{10};
/// That shall not take long: as many segments are read at most.
constexpr std::size_t hints_missing_max = 8;

} // namespace

void compactor::await_hint(storage::segment_id id) {
  std::erase_if(missing_hints_, [this](const auto& each) {
    return !segments_.contains(each.segment);
  });
  missing_hints_.push_back({id, this->clock().now()});
  request_hint();
}

void compactor::request_hint() {
  if (hint_requested_ || missing_hints_.empty()
      || (missing_hints_.size() <= hints_missing_max
          && this->clock().now() - missing_hints_.front().since < hint_delay))
    return;
  hint_requested_ = true;
  caf_compat::tell(this, this, hint_due{});
}

void compactor::give_up_hints() {
  auto is_of_victim
    = [this](const missing_hint& each) { return is_victim(each.segment); };
  std::copy_if(missing_hints_.begin(), missing_hints_.end(),
               std::back_inserter(run_->given_up_hints), is_of_victim);
  std::erase_if(missing_hints_, is_of_victim);
}

void compactor::take_up_hints() {
  auto& hints = run_->given_up_hints;
  missing_hints_.insert(missing_hints_.begin(), hints.begin(), hints.end());
  hints.clear();
}

void compactor::write_hint() {
  if (missing_hints_.empty())
    return;
  auto it = segments_.find(missing_hints_.front().segment);
  missing_hints_.pop_front();
  if (it == segments_.end()) // It was compacted away in the meantime.
    return;
  const auto& entry = it->second.entry;
  storage::hint_builder hints{args_.hasher};
  hints.reserve(entry.record_count);
  storage::segment_scanner scanner{it->second.handle, entry.end_bytes,
                                   storage::segment_scanner::values::skip};
  for (;;) {
    auto found = scanner.next();
    if (!found || !*found)
      break;
    hints.add(**found);
  }
  // A hint file that is missing or incomplete only costs time at start.
  if (auto done = hints.write(*args_.files, args_.directory, entry); !done)
    logging::warn("compactor.hint-failed error=\"{}\"",
                  storage::to_string(done.error()));
}

} // namespace kvs::actors
