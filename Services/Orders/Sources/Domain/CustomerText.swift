import MartletCore

/// What a customer wrote in their own words; events and other rows have only its id.
struct CustomerText: Sendable, Equatable {
    let id: ExactText
    let text: String
}
