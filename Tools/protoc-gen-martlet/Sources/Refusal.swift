import SwiftProtobufPluginLibrary

/// The reason why no code can be generated for a contract; it names the file and the element.
struct Refusal: Error, CustomStringConvertible {
    private let reason: String
    private let file: String?

    /// - Parameter file: Where the element is; `nil` when the caller names it, or the reason is about no file.
    init(_ reason: String, in file: FileDescriptor? = nil) { self.init(reason, file: file?.name) }

    private init(_ reason: String, file: String?) {
        self.reason = reason
        self.file = file
    }

    var description: String { file.map { "\($0): \(reason)" } ?? reason }

    /// Runs `body`; a refusal that it throws gets the name of `file`, unless it has one.
    static func naming<Result>(_ file: FileDescriptor, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let refusal as Refusal where refusal.file == nil {
            throw Refusal(refusal.reason, file: file.name)
        }
    }
}

/// All refusals of a run, one per line.
struct Refusals: Error, CustomStringConvertible {
    let all: [Refusal]

    var description: String { all.map(\.description).joined(separator: "\n") }
}
