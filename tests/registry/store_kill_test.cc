// A process killed at a moment that nobody chose: what it published is there whole or not at all.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "registry/store.h"
#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::KeyOf;
using testing::PublishTexts;
using testing::StoreFolder;
using testing::Texts;
using testing::TextsIn;

Texts TextsOf(int round) {
  const std::string number = std::to_string(round);
  return {{"a", "a" + number}, {"b/c", "c" + number}, {"b/d", "same"}};
}

// Tells after each change that another was made, so that the parent kills between some two.
[[noreturn]] void ChangeForEver(const StoreFolder& where, int tell) {
  Store store = where.Open();
  for (int round = 0;; ++round) {
    PublishTexts(store, KeyOf("m"), TextsOf(round), Existing::kReplace);
    if (::write(tell, "p", 1) != 1) ::_exit(1);
    if (round % 3 != 2) continue;
    store.Remove(KeyOf("m"));
    if (::write(tell, "r", 1) != 1) ::_exit(1);
  }
}

void ExpectConsistent(const StoreFolder& where) {
  const Store store = where.Open();
  const std::vector<ModelRecord> models = store.List();
  ASSERT_LE(models.size(), 1u);
  const Texts texts = TextsIn(where.models() / "hf/org/m/r1");
  EXPECT_EQ(texts.empty(), models.empty());
  for (const ModelRecord& model : models) {
    ASSERT_EQ(texts.size(), model.files.size());
    for (const FileRecord& file : model.files) {
      EXPECT_EQ(testing::Sha256Of(texts.at(file.path)), file.sha256);
    }
  }
  EXPECT_TRUE(!std::filesystem::exists(where.models() / ".staging") ||
              std::filesystem::is_empty(where.models() / ".staging"));
}

TEST(KilledStore, IsConsistentForTheNextProcess) {
  const StoreFolder where;
  for (int kill = 0; kill < 25; ++kill) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) ChangeForEver(where, told[1]);
    char byte = 0;
    for (int change = 0; change < 1 + kill % 4; ++change) ASSERT_EQ(::read(told[0], &byte, 1), 1);
    // Where in the next change this hits depends on the machine's mood.
    for (volatile int spin = 0; spin < kill * 40'000;) spin = spin + 1;
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(told[0]);
    ::close(told[1]);
    ExpectConsistent(where);
  }
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), TextsOf(0), Existing::kReplace);
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), TextsOf(0));
  EXPECT_FALSE(store.Cleanup().contents_busy) << "a killed process holds no lock";
  EXPECT_EQ(store.Usage().unused_contents, 0u);
}

}  // namespace
}  // namespace hyprstream::registry
