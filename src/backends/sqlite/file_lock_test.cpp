#include "backends/sqlite/file_lock.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

TEST(LockFile, OfAParentClosesNoFileThatItsChildOpenedSince) {
  const support::TestDirectory folder;
  auto opened = LockFile::open(folder / "lock");
  ASSERT_TRUE(opened.has_value());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The child's first file has the number of the one that fork() closed.
    const int own = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const bool is_same_number = own == opened->descriptor();
    { const LockFile gone = std::move(*opened); }
    ::_exit(is_same_number && ::fcntl(own, F_GETFD) >= 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace fanfold::sqlite
