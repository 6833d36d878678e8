// LCS: the longest common subsequence of two strings.

#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace kvs::protocol::resp::handlers {

namespace {

struct lcs_options {
  bool wants_length{false};
  bool wants_ranges{false};
  bool wants_match_lengths{false};
  std::int64_t match_bytes_min{0};
};

/// Equal runs of bytes: where they end and how long they are.
struct common_run {
  std::size_t one_end;
  std::size_t other_end;
  std::size_t size;
};

/// Lengths of the longest common subsequences of all pairs of prefixes.
class lcs_table {
public:
  lcs_table(std::string_view one, std::string_view other, pacer& pace)
    : one_(one), other_(other), pace_(pace), width_(other.size() + 1),
      lengths_(std::make_unique_for_overwrite<std::uint32_t[]>((one.size() + 1)
                                                               * width_)) {
    fill_row(0, [](std::size_t) { return 0u; });
    for (std::size_t i = 1; i <= one.size(); ++i)
      fill_row(i, [&](std::size_t j) {
        if (j == 0)
          return 0u;
        return one[i - 1] == other[j - 1]
                 ? at(i - 1, j - 1) + 1
                 : std::max(at(i - 1, j), at(i, j - 1));
      });
  }

  std::uint32_t length() const {
    return at(one_.size(), other_.size());
  }

  /// The runs that make up one subsequence of that length, from the end.
  std::vector<common_run> runs() const {
    std::vector<common_run> runs;
    bool is_in_run = false;
    for (std::size_t i = one_.size(), j = other_.size(); i > 0 && j > 0;) {
      pace_.did(1);
      if (one_[i - 1] == other_[j - 1]) {
        if (!is_in_run)
          runs.push_back({i - 1, j - 1, 0});
        ++runs.back().size;
        is_in_run = true;
        --i;
        --j;
      } else {
        // Which way is taken at a draw decides which subsequence is found.
        if (at(i - 1, j) > at(i, j - 1))
          --i;
        else
          --j;
        is_in_run = false;
      }
    }
    return runs;
  }

private:
  /// A number counts as a byte: one of the longer string is compared for it.
  template <class Function>
  void fill_row(std::size_t i, Function length) {
    pace_.in_pieces(width_, [&](std::size_t first, std::size_t count) {
      for (std::size_t j = first; j < first + count; ++j)
        lengths_[i * width_ + j] = length(j);
    });
  }

  std::uint32_t at(std::size_t i, std::size_t j) const {
    return lengths_[i * width_ + j];
  }

  std::string_view one_;
  std::string_view other_;
  pacer& pace_;
  std::size_t width_;
  std::unique_ptr<std::uint32_t[]> lengths_;
};

std::optional<lcs_options> options_or_reply(const command_call& call) {
  lcs_options options;
  const auto args = call.args;
  for (std::size_t i = 3; i < args.size(); ++i) {
    if (is_word(args[i], "idx")) {
      options.wants_ranges = true;
    } else if (is_word(args[i], "len")) {
      options.wants_length = true;
    } else if (is_word(args[i], "withmatchlen")) {
      options.wants_match_lengths = true;
    } else if (is_word(args[i], "minmatchlen") && i + 1 < args.size()) {
      const auto least = integer_or_reply(call, args[++i]);
      if (!least)
        return std::nullopt;
      options.match_bytes_min = *least;
    } else {
      call.reply.error(syntax_error);
      return std::nullopt;
    }
  }
  if (options.wants_length && options.wants_ranges) {
    call.reply.error("ERR If you want both the length and indexes, please "
                     "just use IDX.");
    return std::nullopt;
  }
  return options;
}

/// The table has a number for every pair of bytes: it is bounded as if it
/// were a value.
bool table_fits_or_reply(const command_call& call, std::string_view one,
                         std::string_view other) {
  const std::uint64_t table_bytes_max = std::min<std::uint64_t>(
    call.limits.value_bytes_max, std::numeric_limits<std::uint32_t>::max());
  if (one.size() + 1
      <= table_bytes_max / sizeof(std::uint32_t) / (other.size() + 1))
    return true;
  call.reply.error("ERR Insufficient memory, transient memory for LCS exceeds "
                   "proto-max-bulk-len");
  return false;
}

void reply_range(reply_writer& reply, std::size_t end, std::size_t size) {
  reply.array(2);
  reply.integer(static_cast<std::int64_t>(end + 1 - size));
  reply.integer(static_cast<std::int64_t>(end));
}

void reply_ranges(reply_writer& reply, std::vector<common_run> runs,
                  const lcs_options& options) {
  std::erase_if(runs, [&](const common_run& each) {
    return static_cast<std::int64_t>(each.size) < options.match_bytes_min;
  });
  reply.array(runs.size());
  for (const auto& each : runs) {
    reply.array(options.wants_match_lengths ? 3 : 2);
    reply_range(reply, each.one_end, each.size);
    reply_range(reply, each.other_end, each.size);
    if (options.wants_match_lengths)
      reply.integer(static_cast<std::int64_t>(each.size));
  }
}

std::string subsequence_of(std::string_view one,
                           const std::vector<common_run>& runs) {
  std::string common;
  for (auto each = runs.rbegin(); each != runs.rend(); ++each)
    common.append(one.substr(each->one_end + 1 - each->size, each->size));
  return common;
}

} // namespace

void lcs(const command_call& call) {
  // Both keys are looked up before the options are judged, as misses are
  // told.
  const auto find_copy = [&](std::string_view key) {
    const auto* found = find_for_reading(call, key);
    return found == nullptr ? shared_bytes{} : found->value;
  };
  const auto one = find_copy(call.args[1]);
  const auto other = find_copy(call.args[2]);
  const auto options = options_or_reply(call);
  if (!options || !table_fits_or_reply(call, one.bytes, other.bytes))
    return;
  const lcs_table table{one.bytes, other.bytes, call.pace};
  if (options->wants_length)
    return call.reply.integer(table.length());
  const auto runs = table.runs();
  if (!options->wants_ranges)
    return call.reply.bulk(subsequence_of(one.bytes, runs));
  call.reply.map(2);
  call.reply.bulk("matches");
  reply_ranges(call.reply, runs, *options);
  call.reply.bulk("len");
  call.reply.integer(table.length());
}

} // namespace kvs::protocol::resp::handlers
