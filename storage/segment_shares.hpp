#pragma once

#include "storage/index.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cassert>
#include <cstdint>
#include <utility>
#include <vector>

/// Private to index*.cpp.
namespace kvs::storage {

/// The segments that an index refers to, under short numbers of its own, and
/// what it refers to in each.
///
/// A number is free again when nothing in its segment is referred to, so
/// there are as many as segments, not as many as there ever were.
class segment_shares {
public:
  /// @pre at most index_segments_max segments at a time
  std::uint16_t add(segment_id id, std::uint64_t bytes) {
    const std::uint16_t number = number_of(id);
    live_share& counted = shares_[number].live;
    ++counted.records;
    counted.bytes += bytes;
    return number;
  }

  /// Takes back what `add` counted.
  void remove(std::uint16_t number, std::uint64_t bytes) {
    share& counted = shares_[number];
    counted.live.bytes -= bytes;
    if (--counted.live.records != 0)
      return;
    numbers_.erase(static_cast<std::uint32_t>(counted.id));
    free_.push_back(number);
    if (number == recent_)
      recent_ = nobody;
  }

  segment_id id_of(std::uint16_t number) const noexcept {
    return shares_[number].id;
  }

  live_share of(segment_id id) const {
    const auto found = numbers_.find(static_cast<std::uint32_t>(id));
    return found == numbers_.end() ? live_share{} : shares_[found->second].live;
  }

  std::vector<std::pair<segment_id, live_share>> all() const {
    std::vector<std::pair<segment_id, live_share>> found;
    found.reserve(numbers_.size());
    for (const auto& [id, number] : numbers_)
      found.emplace_back(segment_id{id}, shares_[number].live);
    return found;
  }

  /// By number; one that is free has no records.
  std::vector<std::pair<segment_id, live_share>> numbered() const {
    std::vector<std::pair<segment_id, live_share>> found;
    found.reserve(shares_.size());
    for (const share& each : shares_)
      found.emplace_back(each.id,
                         each.live.records == 0 ? live_share{} : each.live);
    return found;
  }

  /// Takes over what `numbered` gave. False: too many, or one twice.
  /// @pre nothing was added
  bool restore(const std::vector<std::pair<segment_id, live_share>>& numbered) {
    if (numbered.size() > index_segments_max)
      return false;
    for (const auto& [id, live] : numbered) {
      const auto number = static_cast<std::uint16_t>(shares_.size());
      shares_.push_back({id, live});
      if (live.records == 0)
        free_.push_back(number);
      else if (!numbers_.try_emplace(static_cast<std::uint32_t>(id), number)
                  .second)
        return false;
    }
    return true;
  }

private:
  struct share {
    segment_id id{};
    live_share live;
  };
  static constexpr std::uint32_t nobody = index_segments_max;

  /// Nearly always the segment that was asked for last.
  std::uint16_t number_of(segment_id id) {
    if (recent_ != nobody && shares_[recent_].id == id)
      return static_cast<std::uint16_t>(recent_);
    const auto [at, is_new]
      = numbers_.try_emplace(static_cast<std::uint32_t>(id));
    if (is_new)
      at->second = fresh_number(id);
    recent_ = at->second;
    return at->second;
  }

  std::uint16_t fresh_number(segment_id id) {
    assert(!free_.empty() || shares_.size() < index_segments_max);
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint16_t>(shares_.size()));
      shares_.emplace_back();
    }
    const std::uint16_t number = free_.back();
    free_.pop_back();
    shares_[number] = {id, {}};
    return number;
  }

  std::vector<share> shares_;
  std::vector<std::uint16_t> free_;
  boost::unordered_flat_map<std::uint32_t, std::uint16_t> numbers_;
  std::uint32_t recent_ = nobody;
};

} // namespace kvs::storage
