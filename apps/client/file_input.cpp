// Reading files and stdin.

#include "apps/client/file_input.hpp"

#include "apps/client/output.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace kvs::apps {

namespace {

std::FILE* open_for_reading(const std::string& name) {
  if (name == "-")
    return stdin;
  std::FILE* file = std::fopen(name.c_str(), "rbe");
  if (file == nullptr)
    print_error("cannot open '" + name + "': " + std::strerror(errno));
  return file;
}

} // namespace

void line_reader::closer::operator()(std::FILE* file) const {
  if (file != stdin)
    std::fclose(file);
}

std::optional<std::string> read_whole(const std::string& name) {
  std::FILE* file = open_for_reading(name);
  if (file == nullptr)
    return std::nullopt;
  std::string content;
  std::array<char, 1 << 16> chunk;
  while (const std::size_t read
         = std::fread(chunk.data(), 1, chunk.size(), file))
    content.append(chunk.data(), read);
  const bool failed = std::ferror(file) != 0;
  if (file != stdin)
    std::fclose(file);
  if (!failed)
    return content;
  print_error("cannot read '" + name + "': " + std::strerror(errno));
  return std::nullopt;
}

line_reader::line_reader(const std::string& name)
  : file_(open_for_reading(name)) {
  struct stat found {};
  if (file_ != nullptr && ::fstat(::fileno(file_.get()), &found) == 0
      && S_ISREG(found.st_mode))
    file_bytes_ = static_cast<std::uint64_t>(found.st_size);
}

bool line_reader::next(std::string& line) {
  // getline grows its buffer as needed, so lines may be of any length.
  char* text = nullptr;
  std::size_t capacity = 0;
  const ssize_t read = ::getline(&text, &capacity, file_.get());
  if (read > 0) {
    read_bytes_ += static_cast<std::uint64_t>(read);
    ++line_number_;
    const bool ends = text[read - 1] == '\n';
    line.assign(text, static_cast<std::size_t>(read) - (ends ? 1 : 0));
  }
  std::free(text);
  return read > 0;
}

bool line_reader::failed() const {
  return std::ferror(file_.get()) != 0;
}

} // namespace kvs::apps
