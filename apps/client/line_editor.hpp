// Reading lines from a terminal, with editing and history.

#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kvs::apps {

/// On a terminal lines can be edited, called back and completed; the history
/// is kept in ~/.kvs_history. Elsewhere lines are read as they come.
///
/// At most one exists at a time: the library behind it keeps global state.
class line_editor {
public:
  /// The first word of a line is completed from `words`, which must outlive
  /// the editor.
  explicit line_editor(const std::vector<std::string>& words);
  ~line_editor();

  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;

  bool is_interactive() const {
    return is_interactive_;
  }

  /// The next line without its end, or nothing at the end of the input.
  std::optional<std::string> read_line(const std::string& prompt);

private:
  bool is_interactive_;
  std::string history_file_;
};

} // namespace kvs::apps
