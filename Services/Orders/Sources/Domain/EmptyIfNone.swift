import MartletCore

/// Text that may be absent, stored as the empty string.
///
/// Events that were stored before have this form. Equal when the bytes are.
@propertyWrapper
struct EmptyIfNone: Codable, Sendable, Equatable {
    var wrappedValue: String?

    init(wrappedValue: String?) { self.wrappedValue = wrappedValue }

    static func == (left: EmptyIfNone, right: EmptyIfNone) -> Bool {
        left.wrappedValue.map(ExactText.init(_:)) == right.wrappedValue.map(ExactText.init(_:))
    }

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        wrappedValue = text.isEmpty ? nil : text
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue ?? "")
    }
}
