#include "storage/log_writer.hpp"

#include "storage/limits.hpp"
#include "storage/planted_bugs.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <utility>

namespace kvs::storage {
namespace {

constexpr std::size_t staging_bytes_min = 64 * 1024;

/// A staging buffer that one large batch has blown up beyond this is given
/// back; smaller ones are kept, since memory that was touched is cheap.
constexpr std::size_t staging_bytes_kept = 4 * 1024 * 1024;

constexpr std::uint64_t relative_max
  = std::numeric_limits<std::uint32_t>::max();

/// Sequence numbers that one record or batch may consume at most: a batch and a
/// run of puts have fewer operations, and no combined record stands for more
/// requests.
constexpr std::uint64_t sequences_per_record_max = std::uint64_t{1} << 26;
static_assert(sequences_per_record_max > batch_operations_max);

} // namespace

log_writer::log_writer(segment_ptr target, std::uint64_t end_bytes)
  : target_{std::move(target)}, end_bytes_{end_bytes} {
  assert(target_->context().kind == segment_kind::log);
  assert(end_bytes % record_alignment == 0);
}

std::byte* log_writer::reserve(std::size_t bytes) {
  const std::size_t needed = staging_used_ + bytes;
  if (needed > staging_capacity_) {
    const std::size_t capacity
      = std::max({needed, staging_capacity_ * 2, staging_bytes_min});
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (staging_used_ != 0)
      std::memcpy(larger.get(), staging_.get(), staging_used_);
    staging_ = std::move(larger);
    staging_capacity_ = capacity;
  }
  return staging_.get() + staging_used_;
}

void log_writer::pad(std::uint64_t bytes) noexcept {
  std::memset(staging_.get() + staging_used_, 0, bytes);
  staging_used_ += bytes;
}

record_location
log_writer::place_of(std::uint64_t offset_bytes) const noexcept {
  return {target_->id(), offset_bytes,
          static_cast<std::uint32_t>(next_offset() - offset_bytes)};
}

record_location log_writer::add(record_type type, sequence_number sequence,
                                timestamp_ms expires_at, std::string_view key,
                                std::span<const std::byte> value,
                                std::uint32_t value_crc) {
  assert(written_bytes_ == 0);
  assert(type != record_type::tombstone || (value.empty() && expires_at == 0));
  const bool has_expiry = expires_at != 0;
  const std::uint64_t offset_bytes = next_offset();
  const std::uint64_t unpadded
    = unpadded_record_bytes(key.size(), value.size(), has_expiry);
  const std::uint64_t padding
    = record_bytes(key.size(), value.size(), has_expiry) - unpadded;
  const bool borrows = value.size() >= borrowed_value_bytes_min;
  const std::size_t head_room
    = key_offset(has_expiry) + key.size() + (borrows ? 0 : value.size());
  std::byte* const at = reserve(head_room + padding);
  record_head head;
  head.type = type;
  head.sequence = sequence;
  head.durable_to = durable_to_;
  head.expires_at = expires_at;
  head.key_bytes = static_cast<std::uint32_t>(key.size());
  head.value_bytes = static_cast<std::uint32_t>(value.size());
  head.value_crc = value_crc;
  const std::size_t head_bytes
    = encode_head({at, head_room}, target_->context(), offset_bytes, head, key);
  if (borrows) {
    staging_used_ += head_bytes;
    borrowed_.push_back({staging_used_, value});
    borrowed_bytes_ += value.size();
  } else {
    if (!value.empty())
      std::memcpy(at + head_bytes, value.data(), value.size());
    staging_used_ += head_room;
  }
  pad(padding);
  return place_of(offset_bytes);
}

record_location log_writer::add_bare(record_type type,
                                     sequence_number sequence) {
  assert(!batch_);
  assert(type == record_type::flush || type == record_type::mark
         || type == record_type::seal);
  if (type != record_type::flush)
    sequence = std::max(sequence, target_->context().base_sequence);
  return add(type, sequence, 0, {}, {}, 0);
}

void log_writer::begin_batch(sequence_number sequence) {
  assert(!batch_ && written_bytes_ == 0);
  batch_ = open_batch{sequence, next_offset(), staging_used_, borrowed_.size()};
  // The head comes last, since it needs the checksum of the run.
  reserve(record_head_bytes);
  staging_used_ += record_head_bytes;
}

void log_writer::extend_run_checksum(std::uint32_t& crc) const noexcept {
  std::size_t at = batch_->staging_before + record_head_bytes;
  for (std::size_t i = batch_->borrowed_before; i < borrowed_.size(); ++i) {
    const borrowed_value& value = borrowed_[i];
    crc = extend_value_checksum(
      crc, {staging_.get() + at, value.staging_before - at});
    crc = extend_value_checksum(crc, value.bytes);
    at = value.staging_before;
  }
  crc = extend_value_checksum(crc, {staging_.get() + at, staging_used_ - at});
}

record_location log_writer::end_batch() {
  assert(batch_);
  const record_location place = place_of(batch_->offset_bytes);
  record_head head;
  head.type = record_type::batch;
  head.sequence = batch_->sequence;
  head.durable_to = durable_to_;
  head.value_bytes
    = place.size_bytes - static_cast<std::uint32_t>(record_head_bytes);
  extend_run_checksum(head.value_crc);
  encode_head({staging_.get() + batch_->staging_before, record_head_bytes},
              target_->context(), batch_->offset_bytes, head, {});
  batch_.reset();
  return place;
}

/// Fills `parts_` with at most `bytes_max` of what is staged, from `begin` on.
void log_writer::collect_parts(std::uint64_t begin, std::uint64_t bytes_max) {
  parts_.clear();
  std::uint64_t left = bytes_max;
  std::uint64_t at = 0;
  const auto take = [&](const std::byte* first, std::uint64_t size) {
    const std::uint64_t skip
      = std::min(size, begin > at ? begin - at : std::uint64_t{0});
    const std::uint64_t count = std::min(size - skip, left);
    at += size;
    left -= count;
    if (count != 0)
      parts_.push_back({first + skip, static_cast<std::size_t>(count)});
  };
  std::size_t staging_at = 0;
  for (const borrowed_value& value : borrowed_) {
    take(staging_.get() + staging_at, value.staging_before - staging_at);
    take(value.bytes.data(), value.bytes.size());
    staging_at = value.staging_before;
    if (left == 0)
      return;
  }
  take(staging_.get() + staging_at, staging_used_ - staging_at);
}

result<bool> log_writer::write_staged(std::uint64_t bytes_max) {
  assert(!batch_);
  if (broken_) {
    forget_staged();
    return *broken_;
  }
  const std::uint64_t left = staged_bytes() - written_bytes_;
  const std::uint64_t now = std::min(left, bytes_max);
  if (now != 0) {
    collect_parts(written_bytes_, now);
    auto written
      = target_->shared_file()->write_at(end_bytes_ + written_bytes_, parts_);
    if (!written) {
      cut_back();
      forget_staged();
      return written.error();
    }
    written_bytes_ += now;
  }
  if (now < left)
    return false;
  end_bytes_ += written_bytes_;
  forget_staged();
  return true;
}

/// Without this a later record could end where the remains of a failed one
/// begin, and recovery would believe them.
void log_writer::cut_back() {
  if (is_planted(planted_bug::keep_failed_write))
    return;
  auto cut = target_->shared_file()->truncate(end_bytes_);
  if (!cut)
    broken_ = cut.error();
}

void log_writer::forget_staged() noexcept {
  staging_used_ = 0;
  borrowed_.clear();
  borrowed_bytes_ = 0;
  written_bytes_ = 0;
  batch_.reset();
  if (staging_capacity_ > staging_bytes_kept) {
    staging_.reset();
    staging_capacity_ = 0;
  }
}

void log_writer::discard_staged() noexcept {
  if (written_bytes_ != 0)
    cut_back();
  forget_staged();
}

bool log_writer::has_staged() const noexcept {
  return staging_used_ != 0;
}

std::uint64_t log_writer::staged_bytes() const noexcept {
  return staging_used_ + borrowed_bytes_;
}

bool log_writer::fits(sequence_number sequence, std::uint64_t segment_bytes,
                      std::uint64_t batch_bytes) const noexcept {
  const sequence_number base = target_->context().base_sequence;
  // The records of a batch count on from `sequence` and lie behind it, so
  // the largest one must still fit the 32-bit fields.
  return next_offset() < std::min(segment_bytes, segment_bytes_max)
         && (batch_bytes == 0
             || next_offset() + batch_bytes <= segment_bytes_max)
         && sequence >= base
         && sequence - base <= relative_max - sequences_per_record_max
         && next_offset() + record_bytes_max - durable_to_ <= relative_max;
}

std::uint64_t log_writer::end_bytes() const noexcept {
  return end_bytes_;
}

std::uint64_t log_writer::next_offset() const noexcept {
  return end_bytes_ + staged_bytes();
}

void log_writer::durable_to(std::uint64_t offset_bytes) noexcept {
  assert(offset_bytes <= end_bytes_);
  durable_to_ = std::max(durable_to_, offset_bytes);
}

const segment_ptr& log_writer::target() const noexcept {
  return target_;
}

} // namespace kvs::storage
