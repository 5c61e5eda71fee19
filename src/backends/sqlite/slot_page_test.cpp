#include "backends/sqlite/slot_page.hpp"

#include <gtest/gtest.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr Time sent_at{1'800'000'000'000ms};

TEST(SlotPage, KeepsEveryFieldOfAMessage) {
  SlotPage page;
  const Mail mail{.is_present = true,
                  .visible_at = sent_at + 5s,
                  .sent_at = sent_at,
                  .receive_count = receive_count_most,
                  .holder = holder_most,
                  .generation = generation_most - 1};
  page.set_mail(255, mail);
  const Mail loaded = SlotPage(page.bytes()).mail(255);
  EXPECT_TRUE(loaded.is_present);
  EXPECT_EQ(loaded.visible_at, sent_at + 5s);
  EXPECT_EQ(loaded.sent_at, sent_at);
  EXPECT_EQ(loaded.receive_count, receive_count_most);
  EXPECT_EQ(loaded.holder, holder_most);
  EXPECT_EQ(loaded.generation, generation_most - 1);
}

TEST(SlotPage, KeepsStateAndMessageApart) {
  SlotPage page;
  page.set_mail(3, {.is_present = true,
                    .visible_at = sent_at,
                    .sent_at = sent_at,
                    .receive_count = 2,
                    .holder = 7,
                    .generation = 9});
  page.set_cell(3, {.state = Cell::State::leased, .attempt = 4, .time = sent_at, .token = 5, .alone = true});
  page.set_mail(3, {.is_present = false,
                    .visible_at = sent_at,
                    .sent_at = sent_at,
                    .receive_count = 3,
                    .holder = 8,
                    .generation = 10});
  EXPECT_TRUE(page.cell(3).alone);
  EXPECT_EQ(page.cell(3).token, 5U);
  EXPECT_FALSE(page.mail(3).is_present);
  EXPECT_EQ(page.mail(3).generation, 10U);
}

TEST(SlotPage, TakesRoomOnlyForWhatIsUsed) {
  SlotPage page;
  page.set_cell(0, {});
  EXPECT_LT(page.size(), page_slot_count);
  EXPECT_EQ(page.cell(200).state, Cell::State::free);
  page.set_cell(page_slot_count - 1, {});
  EXPECT_EQ(page.size(), page_slot_count);
}

TEST(SlotPage, SumsUpWhatIsInItsQueue) {
  SlotPage page;
  page.set_mail(0, {.is_present = true, .visible_at = sent_at + 1s, .sent_at = sent_at, .generation = 1});
  page.set_mail(1, {.is_present = true,
                    .visible_at = sent_at + 9s,
                    .sent_at = sent_at - 1s,
                    .receive_count = 1,
                    .holder = 4,
                    .generation = 1});
  page.set_mail(2, {.is_present = false,
                    .visible_at = sent_at - 9s,
                    .sent_at = sent_at - 9s,
                    .receive_count = 1,
                    .holder = 4,
                    .generation = 1});
  page.set_cell(3, {.state = Cell::State::leased, .attempt = 1, .time = sent_at, .token = 1});
  const PageSummary summary = page.summary();
  EXPECT_EQ(summary.present_count, 2U);
  EXPECT_EQ(summary.received_count, 1U);
  EXPECT_EQ(summary.leased_count, 1U);
  EXPECT_EQ(summary.held_count, 2U);
  EXPECT_EQ(summary.next_visible_at, sent_at + 1s);
  EXPECT_EQ(summary.last_visible_at, sent_at + 9s);
  EXPECT_EQ(summary.oldest_sent_at, sent_at - 1s);
}

}  // namespace
}  // namespace fanfold::sqlite
