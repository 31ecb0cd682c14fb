// A process that is killed while it replaces a version again and again leaves a complete one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <random>

#include "base/folder.h"
#include "vdb/grid_case.h"
#include "vdb/stored_grid.h"

namespace hyprstream::vdb {
namespace {

using namespace ::hyprstream::testing;

constexpr uint64_t kTiles = 8;

/// Version n: every value is n + 1.
void WriteVersion(const std::filesystem::path& path, int version, Backend backend) {
  std::array<float, kTileWeights> values;
  values.fill(static_cast<float>(version + 1));
  GridContent content{.name = "killed"};
  for (uint64_t t = 0; t < kTiles; ++t) {
    content.tiles.push_back({.tile = t * 3, .values = values.data()});
  }
  WriteGrid(path, content, Encoding::kF32, backend);
}

/// Writes 1,000 versions and tells each number through the pipe once it is there.
[[noreturn]] void WriteUntilKilled(const std::filesystem::path& path, Backend backend, int pipe) {
  for (int version = 0; version < 1000; ++version) {
    WriteVersion(path, version, backend);
    if (::write(pipe, &version, sizeof(version)) != sizeof(version)) break;
  }
  ::_exit(0);
}

class Persistence : public ::testing::TestWithParam<Backend> {};

TEST_P(Persistence, AKilledWriterLeavesSomeCompleteVersion) {
  const Folder folder;
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    const std::filesystem::path path = folder / "adapter";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) WriteUntilKilled(path, GetParam(), ends[1]);
    ::close(ends[1]);
    int last = -1;
    const int enough = static_cast<int>(random() % 12);
    while (last < enough) ASSERT_EQ(::read(ends[0], &last, sizeof(last)), sizeof(last));
    ::kill(writer, SIGKILL);
    ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
    for (int more = 0; ::read(ends[0], &more, sizeof(more)) == sizeof(more);) last = more;
    ::close(ends[0]);

    const auto grid = StoredGrid::Open(path, Verify::kFull);
    const std::vector<float> values = ReadAll(*grid);
    ASSERT_EQ(values.size(), kTiles * kTileWeights);
    EXPECT_EQ(std::ranges::count(values, values.front()), std::ssize(values));
    EXPECT_GE(values.front(), static_cast<float>(last + 1));
    EXPECT_LE(values.front(), static_cast<float>(last + 2));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Persistence, ::testing::ValuesIn(BuiltBackends()),
                         [](const auto& given) { return std::string(BackendName(given.param)); });

}  // namespace
}  // namespace hyprstream::vdb
