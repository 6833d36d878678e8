/// A function that is run in pieces, each in another turn.
#pragma once

#include "protocol/pacer.hpp"

#include <functional>
#include <memory>

namespace kvs::actors {

/// Runs a function on a stack of its own, so that it can stop wherever it is
/// paced and go on later: what commands do to large values is written as if it
/// happened at once.
///
/// Ownership: what the function refers to outlives this object; one that has
/// not come to its end is unwound when the object goes.
/// Threads: one at a time; not always the same.
class paced_function {
public:
  using body = std::function<void(protocol::pacer&)>;
  explicit paced_function(body what);
  paced_function(const paced_function&) = delete;
  paced_function& operator=(const paced_function&) = delete;
  ~paced_function();

  /// Runs the next piece, of at most 1 MiB. True: that was the last one.
  /// Exceptions of the function come out here; it has ended then.
  bool step();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace kvs::actors
