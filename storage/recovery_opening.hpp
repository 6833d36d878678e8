#pragma once

#include "storage/hint_file.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_loader.hpp"
#include "storage/segment_survey.hpp"
#include "storage/store_files.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Private to recovery*.cpp.
namespace kvs::storage {

/// One start of a store. The steps of `run` are in the order of its calls:
/// first everything is read and judged, then the tail is settled and the new
/// segments are created, then the MANIFEST is replaced, and only then what it
/// no longer lists is deleted. So it may be cut off anywhere.
class opening {
public:
  opening(std::shared_ptr<file_system> files, const recovery_options& options)
    : files_{std::move(files)}, options_{options} {
  }

  result<recovered_store> run();

private:
  result<ok> inspect_directory();
  result<ok> lock_directory();
  result<ok> read_state();
  result<ok> begin_new_store();
  void make_shards();
  result<ok> judge_unlisted();
  result<ok> load_unsealed_segments();
  result<ok> load_unsealed_segment(const segment_entry& entry);
  result<ok> refuse_if_synced(const segment_ptr& later);
  result<ok> load_checkpoint();
  bool log_goes_on() const;
  result<ok> load_sealed_segments();
  result<loaded_hints> load_sealed_segment(const segment_entry& entry,
                                           segment_ptr& handle);
  void add_hints(std::unique_ptr<hint_source> hints);
  result<ok> fill_shards();
  result<ok> count_keys();
  result<ok> settle_tails();
  result<ok> raise_epoch();
  result<segment_ptr> create_log(sequence_number base);
  result<ok> install();
  void delete_unlisted();
  void run_units(const work_units& units,
                 const std::function<void()>& after_each);
  void tell_progress(std::uint64_t more_bytes);

  std::shared_ptr<file_system> files_;
  const recovery_options& options_;
  recovered_store store_{key_hasher{0}};
  /// The MANIFEST as it was found.
  manifest found_;
  std::vector<store_file> unlisted_;
  /// What all segments hold, in no order.
  std::vector<std::unique_ptr<hint_source>> hints_;
  std::vector<unsealed_tail> tails_;
  /// The first unsealed segment that lacks its seal: whatever follows it was
  /// never acknowledged. If something was, this is what is damaged.
  std::optional<damage> incomplete_;
  recovery_progress progress_;
};

} // namespace kvs::storage
