// Import of JSON Lines.

#include "apps/client/file_input.hpp"
#include "apps/client/import_writer.hpp"
#include "apps/client/json_line.hpp"
#include "apps/client/output.hpp"
#include "apps/client/transfer.hpp"

#include <nlohmann/json.hpp>

namespace kvs::apps {

namespace {

void import_line(import_writer& writer, const std::string& text,
                 std::uint64_t line_number) {
  const auto parsed = parse_json_line(text, false);
  if (const auto* wrong = std::get_if<std::string>(&parsed))
    return writer.complain("line " + std::to_string(line_number),
                           *wrong + "; not imported");
  const json_line& line = std::get<json_line>(parsed);
  writer.put(line.key, line.value, line.expiry_ms, line_number);
}

} // namespace

int run_import(session& node, const std::string& file) {
  line_reader reader{file};
  import_writer writer{node};
  if (!reader.is_open() || !writer.begin())
    return node.failure();
  std::string text;
  while (!writer.lost() && reader.next(text)) {
    if (!text.empty())
      import_line(writer, text, reader.line_number());
    writer.update(reader.read_bytes(), reader.file_bytes());
  }
  if (reader.failed())
    writer.complain("line " + std::to_string(reader.line_number()),
                    "reading stopped behind this line");
  writer.finish();
  if (node.json())
    print_json({{"imported", writer.imported()},
                {"failed", writer.failed()},
                {"lines", reader.line_number()}});
  return writer.failed() == 0 ? exit_ok : exit_failed;
}

} // namespace kvs::apps
