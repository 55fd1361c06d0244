import Foundation

/// Unicode's normal form C (NFC), in which a letter and its accents are one character wherever there is one.
///
/// Two texts of this form that look the same have the same bytes.
public enum ComposedText {
    /// The text in this form; `nil` when it has it already.
    public static func differing(from text: String) -> String? {
        // ASCII always has it.
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return nil }
        let composed = text.precomposedStringWithCanonicalMapping
        return composed.utf8.elementsEqual(text.utf8) ? nil : composed
    }

    /// What a field breaks whose text differs from `composed`, for a caller.
    public static func rule(_ composed: String) -> String {
        "must be in Unicode's normal form C (NFC), which is \(composed)"
    }
}
