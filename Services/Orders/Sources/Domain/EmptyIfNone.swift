import MartletCore

/// Text that may be absent, stored as the empty string.
///
/// Events that were stored before have this form. Empty text is absent, as it will be when it is read. Equal when the
/// bytes are.
@propertyWrapper
struct EmptyIfNone: Codable, Sendable, Equatable {
    let wrappedValue: String?

    init(wrappedValue: String?) { self.wrappedValue = wrappedValue?.isEmpty == true ? nil : wrappedValue }

    static func == (left: EmptyIfNone, right: EmptyIfNone) -> Bool {
        left.wrappedValue.map(ExactText.init(_:)) == right.wrappedValue.map(ExactText.init(_:))
    }

    init(from decoder: any Decoder) throws {
        self.init(wrappedValue: try decoder.singleValueContainer().decode(String.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue ?? "")
    }
}
