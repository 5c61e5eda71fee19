#include "support/trace_context.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanfold::support {
namespace {

const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

std::string replaced(std::string text, std::string_view old_part, std::string_view new_part) {
  return text.replace(text.find(old_part), old_part.size(), new_part);
}

std::string refusal_of(const TraceContext& given) {
  const auto checked = checked_trace(given);
  if (checked) return "none";
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
  return checked.error().message.substr(0, checked.error().message.find(':'));
}

TEST(TraceContext, IsTakenAsItIsGiven) {
  const TraceContext given{.parent = parent, .state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", .aws_header = header};
  EXPECT_EQ(checked_trace(given).value(), given);
  EXPECT_EQ(tolerated_trace(given), given);
  EXPECT_EQ(given.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_TRUE(checked_trace({}).value().empty());
  EXPECT_EQ(TraceContext{}.trace_id(), "");
}

TEST(TraceContext, RefusesAParentThatIsNotAsW3cHasIt) {
  for (const std::string& wrong : {parent.substr(1), parent + "0", parent + "-00", replaced(parent, "4bf9", "4BF9"),
                                   replaced(parent, "4bf92f3577b34da6a3ce929d0e0e4736", std::string(32, '0')),
                                   replaced(parent, "00f067aa0ba902b7", std::string(16, '0')), "ff" + parent.substr(2),
                                   replaced(parent, "-01", "-0g"), replaced(parent, "-01", "_01"),
                                   "0x" + parent.substr(2), std::string(" ") + parent, parent + "\n"}) {
    EXPECT_EQ(refusal_of({.parent = wrong}), "trace.parent") << wrong;
    EXPECT_TRUE(tolerated_trace({.parent = wrong, .state = "a=b"}) == TraceContext{}) << wrong;
  }
}

TEST(TraceContext, ReadsAParentOfALaterVersionAsOneOfVersionZero) {
  const std::string id = parent.substr(2, 50);
  EXPECT_EQ(checked_trace({.parent = "01" + id + "-03"}).value().parent, "00" + id + "-01");
  EXPECT_EQ(checked_trace({.parent = "cc" + id + "-fe-what-the-future-brings"}).value().parent, "00" + id + "-00");
  EXPECT_EQ(refusal_of({.parent = "cc" + id + "-01.what"}), "trace.parent");
  EXPECT_EQ(checked_trace({.parent = "00" + id + "-ff"}).value().parent, "00" + id + "-ff") << "as it is";
}

TEST(TraceContext, RefusesAStateThatIsNoList) {
  const auto of_members = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += "k" + std::to_string(i) + "=v,";
    return list;
  };
  for (const std::string& right : {std::string("a=b"), std::string("tenant@system=1 2"), std::string("a=b, c=d,,\te=f"),
                                   std::string("a-*/_0=!"), of_members(32), "a=" + std::string(256, 'x')})
    EXPECT_EQ(refusal_of({.parent = parent, .state = right}), "none") << right;
  for (const std::string& wrong :
       {std::string("a"), std::string("=b"), std::string("a="), std::string("A=b"), std::string("a=b,a=c"),
        std::string("a=b=c"), std::string("a=\x7f"), std::string("a=\xc3\xa9"), std::string("a@b@c=d"),
        std::string("@b=c"), std::string(","), of_members(33), "a=" + std::string(257, 'x'),
        "a=" + std::string(256, 'x') + ",b=" + std::string(256, 'x')}) {
    EXPECT_EQ(refusal_of({.parent = parent, .state = wrong}), "trace.state") << wrong;
    EXPECT_EQ(tolerated_trace({.parent = parent, .state = wrong}), (TraceContext{.parent = parent})) << wrong;
  }
  EXPECT_EQ(refusal_of({.state = "a=b"}), "trace.state") << "of which span?";
}

TEST(TraceContext, RefusesAnXRayHeaderThatNamesNoTrace) {
  for (const std::string& right :
       {header, header + ";Lineage=a87bd80c:0|68fd508a:5|c512fbe3:2",
        "Self=1-67891234-12456789abcdef012345678;" + header, replaced(header, "Sampled=1", "Sampled=?"),
        replaced(header, ";Parent=53995c3f42cd8ad8", ""), replaced(header, ";Sampled=1", ";"),
        replaced(header, ";P", "; P")})
    EXPECT_EQ(refusal_of({.aws_header = right}), "none") << right;
  for (const std::string& wrong :
       {std::string("Sampled=1"), replaced(header, "Root=1", "Root=2"), replaced(header, "5759e988", "5759e98"),
        replaced(header, "bd86", "xd86"),
        replaced(header, "5759e988-bd862e3fe1be46a994272793", "00000000-" + std::string(24, '0')),
        replaced(header, "53995c3f42cd8ad8", "53995c3f42cd8ad"),
        replaced(header, "53995c3f42cd8ad8", std::string(16, '0')), replaced(header, "Sampled=1", "Sampled=2"),
        header + ";Sampled=0", header + ";" + header, header + ";nothing", header + ";=x", header + ";a=\n",
        header + ";a=" + std::string(512, 'x')}) {
    EXPECT_EQ(refusal_of({.aws_header = wrong}), "trace.aws_header") << wrong;
    EXPECT_EQ(tolerated_trace({.parent = parent, .aws_header = wrong}), (TraceContext{.parent = parent})) << wrong;
  }
}

TEST(TraceContext, MakesTheParentThatAnXRayHeaderNames) {
  const TraceContext sampled = checked_trace({.aws_header = header}).value();
  EXPECT_EQ(sampled.parent, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
  EXPECT_EQ(sampled.aws_header, header);
  EXPECT_EQ(tolerated_trace({.parent = "00-x", .aws_header = replaced(header, "Sampled=1", "Sampled=0")}).parent,
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00");
  EXPECT_EQ(checked_trace({.aws_header = replaced(header, "5759e988-bd", "5759E988-BD")}).value().parent,
            sampled.parent);
  const TraceContext of_a_root = checked_trace({.aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793"}).value();
  EXPECT_EQ(of_a_root.parent, "") << "there is no span to be the parent";
  EXPECT_EQ(of_a_root.trace_id(), "5759e988bd862e3fe1be46a994272793");
  EXPECT_EQ(checked_trace({.parent = parent}).value().aws_header, "") << "X-Ray is told of what asks for it alone";
  EXPECT_EQ(checked_trace({.parent = parent, .aws_header = header}).value().parent, parent);
}

TEST(TraceContext, ComesBackFromOneColumn) {
  for (const TraceContext& trace :
       {TraceContext{}, TraceContext{.parent = parent}, TraceContext{.parent = parent, .state = "a=b"},
        TraceContext{.aws_header = header}, TraceContext{.parent = parent, .state = "a=b", .aws_header = header}})
    EXPECT_EQ(found_trace(stored_trace(trace)), trace);
  EXPECT_EQ(stored_trace({.parent = parent}), parent) << "as files have it that were written before";
}

TEST(TraceContext, IsSharedWithoutBeingCopied) {
  const SharedTrace none = TraceContext{};
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.get(), nullptr);
  EXPECT_TRUE(none->empty());
  const SharedTrace one = TraceContext{.parent = parent};
  const std::vector<SharedTrace> copies(2, one);
  EXPECT_EQ(copies[1].get(), one.get());
  EXPECT_EQ(one, SharedTrace(TraceContext{.parent = parent}));
  EXPECT_FALSE(one == none);
}

}  // namespace
}  // namespace fanfold::support
