#include "support/queue_name.hpp"

#include <gtest/gtest.h>

namespace fanfold::support {
namespace {

TEST(QueueName, IsTheSameByWhateverEndpointAQueueIsReached) {
  constexpr std::string_view forms[] = {
      "https://sqs.eu-central-1.amazonaws.com/123456789012/mail",
      "https://eu-central-1.queue.amazonaws.com/123456789012/mail",
      "https://vpce-0a-0b.sqs.eu-central-1.vpce.amazonaws.com/123456789012/mail",
      "http://localhost:4566/123456789012/mail",
      "http://localhost:4566/queue/eu-central-1/123456789012/mail",
  };
  for (const std::string_view form : forms) {
    EXPECT_EQ(queue_identity(form), "123456789012/mail") << form;
    EXPECT_TRUE(is_same_queue(form, forms[0])) << form;
  }
}

TEST(QueueName, OfAnotherAccountIsAnotherQueue) {
  EXPECT_FALSE(is_same_queue("http://a/123456789012/mail", "http://a/210987654321/mail"));
  EXPECT_FALSE(is_same_queue("http://a/123456789012/mail", "http://a/123456789012/mails"));
  EXPECT_FALSE(is_same_queue("http://a/123456789012/mail", "http://a/123456789012/e-mail"));
}

TEST(QueueName, WithoutAnAccountIsTheQueueOfThatName) {
  EXPECT_TRUE(is_same_queue("http://localhost:9324/queue/mail", "http://localhost:9324/000000000000/mail"));
  EXPECT_TRUE(is_same_queue("mail", "mail"));
  EXPECT_FALSE(is_same_queue("mail", "letters"));
  EXPECT_EQ(queue_identity("mail"), "mail");
  EXPECT_EQ(queue_identity("http://localhost/mail"), "mail");
  EXPECT_EQ(queue_identity("http://localhost"), "http://localhost");
}

}  // namespace
}  // namespace fanfold::support
