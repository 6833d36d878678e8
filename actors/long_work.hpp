/// What takes too long for a loop: who has it to do hands it to a READER.
#pragma once

#include "actors/caf_compat.hpp"
#include "actors/outcome.hpp"

#include <memory>

namespace kvs::actors {

/// Ownership: whoever holds the message. It owns all that `step` looks at.
class long_work {
public:
  virtual ~long_work() = default;
  /// Does the next piece. True: that was the last one.
  virtual bool step() = 0;
};

/// Do all of it.
struct do_work {
  std::shared_ptr<long_work> what;
};

/// With an error not all of it was done.
struct work_done {
  failure error{};
};

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::do_work)
KVS_MESSAGE(kvs::actors::work_done)
