// kvs-client: the command line tool of kvs.

#include "apps/client/command_line.hpp"

#include <csignal>

int main(int argc, char** argv) {
  // A reader that goes away, as `head` does, is an error of one write.
  std::signal(SIGPIPE, SIG_IGN);
  return kvs::apps::run_command_line(argc, argv);
}
