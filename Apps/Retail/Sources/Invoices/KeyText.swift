import Foundation
import MartletCore

/// A number of the file as a part of a key or an id, which the shop takes in visible ASCII only.
enum KeyText {
    /// Begins a text that is encoded; a number that begins with it is encoded, too.
    private static let mark: Character = "~"

    /// The number as it is, or a tilde and its bytes in base64 without padding: two numbers never have one text.
    ///
    /// - Parameter separator: A character that the text must not contain; `nil` for none.
    static func of(_ number: String, besides separator: Character? = nil) -> String {
        let isPlain =
            number.first != mark && number.utf8.allSatisfy { 0x21...0x7E ~= $0 }
            && !(separator.map { number.contains($0) } ?? false)
        return isPlain ? number : String(mark) + Data(number.utf8).base64EncodedString().filter { $0 != "=" }
    }

    /// The same for an id of at most `bytesMax` bytes; an encoded number that is longer becomes two tildes and its hash.
    static func of(_ number: String, bytesMax: Int) -> String {
        let text = of(number)
        guard text.utf8.count > bytesMax else { return text }
        var hash = FNV1a()
        hash.add(number)
        return "\(mark)\(mark)\(String(hash.value, radix: 16))"
    }
}
