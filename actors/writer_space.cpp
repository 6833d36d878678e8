// How the WRITER gets its next segment, and what becomes of writes when the
// disk has no space for one.

#include "actors/writer_state.hpp"

#include <algorithm>

namespace kvs::actors {
namespace {

/// The last of a segment that stays for erases when there is no next one:
/// without them nothing would become free. 200,000 keys in the default size.
constexpr std::uint64_t erases_segment_part = 16;

/// Longer than a disk needs to rewrite a few segments of the default size;
/// clients should not wait longer for bad news.
constexpr std::chrono::seconds longest_search{10};

} // namespace

void writer::request_segment() {
  auto needed = !stopping_ || !inputs_.empty();
  if (segment_requested_ || next_ != nullptr || !needed)
    return;
  segment_requested_ = true;
  auto for_erases = needs_segment_for_erases();
  auto follows_search = space_search_ == space_search::successful;
  caf_compat::ask(this, args_.catalog,
                  create_segment{last_sequence_ + 1, for_erases})
    .then(
      [this, for_erases, follows_search](const segment_created& reply) {
        segment_requested_ = false;
        if (reply.error.code == outcome::ok) {
          next_ = reply.segment;
          erases_only_ = for_erases ? segment_failure_ : std::nullopt;
          segment_failure_.reset();
          search_began_.reset();
        } else if (reply.is_final) {
          fail_store(reply.error);
        } else {
          no_segment_created(reply.error, follows_search);
        }
        schedule_commit();
        end_turn();
      },
      [this](const caf::error&) {
        fail_store(make_failure(outcome::io_error, "the CATALOG is gone"));
        end_turn();
      });
}

void writer::no_segment_created(const failure& why, bool follows_search) {
  segment_failure_ = why;
  if (space_search_ == space_search::successful) {
    // The CATALOG may have looked at the disk before the space was freed.
    if (!follows_search)
      return request_segment();
    space_search_ = space_search::none;
  }
  caf_compat::tell_after(this, this, segment_retry_period, segment_retry_due{});
}

bool writer::needs_segment_for_erases() const {
  // Half of what the active one has kept for them is used.
  return segment_failure_ && refusal_of_puts() != nullptr
         && log_.next_offset() + args_.segment_bytes / 32
              >= args_.segment_bytes;
}

std::optional<std::uint64_t> writer::room_of_last_segment() const {
  if (next_ != nullptr || !segment_failure_
      || segment_failure_->code != outcome::no_space)
    return std::nullopt;
  auto end = args_.segment_bytes - args_.segment_bytes / erases_segment_part;
  return end - std::min(end, log_.next_offset());
}

const failure* writer::refusal_of_puts() const {
  if (erases_only_)
    return &*erases_only_;
  return room_of_last_segment() == 0u ? &*segment_failure_ : nullptr;
}

bool writer::waits_for_space() {
  // With a next segment at hand it is the seal that has failed; the next write
  // tries that again.
  auto is_short = segment_failure_
                    ? segment_failure_->code == outcome::no_space && !next_
                    : erases_only_.has_value();
  if (!is_short || stopping_ || read_only_)
    return false;
  // Nobody waits for a rewrite that cannot end: it may have to wait for a flush
  // to be recorded, and a full disk takes no new MANIFEST.
  auto now = this->clock().now();
  if (search_began_ && now - *search_began_ > longest_search)
    return false;
  // What is not published yet is not dead for the shards, nor makes dead.
  if (space_search_ != space_search::none || group_ || !unpublished_.empty())
    return true;
  if (searched_up_to_ == last_sequence_)
    return false;
  if (!search_began_)
    search_began_ = now;
  request_space();
  return true;
}

void writer::request_space() {
  space_search_ = space_search::under_way;
  caf_compat::ask(this, compactor_, make_space{})
    .then(
      [this, up_to = last_sequence_](const space_made& reply) {
        space_was_searched(reply.is_freed, up_to);
      },
      [this, up_to = last_sequence_](const caf::error&) {
        space_was_searched(false, up_to);
      });
}

void writer::space_was_searched(bool is_freed, storage::sequence_number up_to) {
  space_search_ = space_search::none;
  if (is_freed && next_ == nullptr) {
    space_search_ = space_search::successful;
    request_segment();
  } else if (!is_freed) {
    searched_up_to_ = up_to;
    search_began_.reset();
  }
  schedule_commit();
  end_turn();
}

} // namespace kvs::actors
