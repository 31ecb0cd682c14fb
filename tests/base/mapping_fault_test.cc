#include "base/mapping_fault.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

#include "base/mapped_file.h"
#include "folder.h"

namespace hyprstream {
namespace {

using testing::Folder;

constexpr size_t kPage = 4096;

int ReadFirstByte(std::span<const std::byte> bytes) {
  return static_cast<int>(*static_cast<const volatile std::byte*>(bytes.data()));
}

void TruncateAndRead(const std::filesystem::path& path) {
  std::ofstream(path) << std::string(2 * kPage, 'x');
  const auto file = MappedFile::Open(path);
  InstallMappingFaultHandler(7);
  std::filesystem::resize_file(path, 0);
  std::exit(ReadFirstByte(file->bytes()));
}

TEST(MappingFaultDeathTest, ATruncatedMappingEndsTheProcessWithItsName) {
  const Folder folder;
  EXPECT_EXIT(TruncateAndRead(folder / "weights"), ::testing::ExitedWithCode(7),
              "weights was changed or truncated while in use");
}

void FaultElsewhere(const std::filesystem::path& path) {
  std::ofstream(path) << std::string(kPage, 'x');
  std::ofstream(path.string() + "2") << std::string(kPage, 'x');
  // A mapping that is gone again covers nothing, even if another one takes its place.
  MappedFile::Open(path).reset();
  InstallMappingFaultHandler(7);
  FILE* other = std::fopen((path.string() + "2").c_str(), "r");
  void* mapping = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, ::fileno(other), 0);
  std::filesystem::resize_file(path.string() + "2", 0);
  std::exit(ReadFirstByte({static_cast<const std::byte*>(mapping), kPage}));
}

TEST(MappingFaultDeathTest, AFaultElsewhereCrashesAsBefore) {
  const Folder folder;
  EXPECT_EXIT(FaultElsewhere(folder / "weights"), ::testing::KilledBySignal(SIGBUS), "");
}

TEST(MappingFaultDeathTest, ASignalFromOutsideCrashesAsBefore) {
  EXPECT_EXIT(
      {
        InstallMappingFaultHandler(7);
        ::kill(::getpid(), SIGBUS);
        ::pause();
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace hyprstream
