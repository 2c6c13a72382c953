// A word that steers: an enumerator of one of our tables, or a word that this version does not know. What a newer
// version or a bot wrote stays as it was written, is written back so, and steers nothing.
// Test: tests/unit/word_test.cpp
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tradeguard {

// Enum has, beside it: std::string_view text(Enum), and std::optional<Enum> parse_word(std::string_view, Enum),
// whose second argument says only which table is meant. No enumerator's word is empty.
template <class Enum>
class Word {
 public:
  Word() = default;                                        // no word at all
  Word(Enum known) : known_{known}, text_{text(known)} {}  // NOLINT: an enumerator is a word
  static Word of(std::string written) {
    Word word;
    word.known_ = parse_word(written, Enum{});
    word.text_ = std::move(written);
    return word;
  }

  const std::string& str() const { return text_; }
  std::optional<Enum> known() const { return known_; }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const Word& a, const Word& b) { return a.text_ == b.text_; }
  friend bool operator==(const Word& a, Enum b) { return a.known_ == b; }
  friend std::ostream& operator<<(std::ostream& out, const Word& word) { return out << word.text_; }

 private:
  std::optional<Enum> known_;
  std::string text_;
};

}  // namespace tradeguard
