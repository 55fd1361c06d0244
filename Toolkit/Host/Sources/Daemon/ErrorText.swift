import Foundation

/// An error in plain words: without the domains and codes of Foundation, and without the names of Swift's types.
package enum ErrorText {
    /// The error of a decoder names the value by its path; that of the file system its reason, and its file where known.
    ///
    /// Any other error keeps its own description.
    package static func plain(_ error: any Error) -> String {
        if let error = error as? DecodingError { return decoding(error) }
        // A Swift error has its type's name as its domain.
        let bridged = error as NSError
        switch bridged.domain {
        case NSPOSIXErrorDomain: return String(cString: strerror(Int32(truncatingIfNeeded: bridged.code)))
        case NSCocoaErrorDomain: return cocoa(bridged)
        case NSURLErrorDomain: return bridged.localizedDescription
        default: return "\(error)"
        }
    }

    /// Whether the error's own description is a dump: that of a decoder, or of Foundation.
    package static func isDump(_ error: any Error) -> Bool {
        error is DecodingError
            || [NSPOSIXErrorDomain, NSCocoaErrorDomain, NSURLErrorDomain].contains((error as NSError).domain)
    }

    private static func cocoa(_ error: NSError) -> String {
        let file = error.userInfo[NSFilePathErrorKey] as? String ?? (error.userInfo[NSURLErrorKey] as? URL)?.path
        let reason: String =
            switch error.userInfo[NSUnderlyingErrorKey] as? any Error {
            case let underlying?: plain(underlying)
            case nil: words[error.code] ?? "cannot be used"
            }
        return file.map { "\($0): \(reason)" } ?? reason
    }

    /// The reasons of Foundation's errors that have no error of the system beneath.
    private static let words = [
        CocoaError.fileNoSuchFile.rawValue: "there is no such file",
        CocoaError.fileReadNoSuchFile.rawValue: "there is no such file",
        CocoaError.fileReadNoPermission.rawValue: "may not be read",
        CocoaError.fileReadCorruptFile.rawValue: "is damaged",
        CocoaError.propertyListReadCorrupt.rawValue: "is damaged",
        CocoaError.fileWriteNoPermission.rawValue: "may not be written",
        CocoaError.fileWriteFileExists.rawValue: "exists already",
        CocoaError.fileWriteOutOfSpace.rawValue: "the disk is full",
        CocoaError.fileWriteVolumeReadOnly.rawValue: "the disk is read-only",
    ]

    private static func decoding(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): "\(path(context.codingPath)) must not be null"
        case .typeMismatch(let type, let context): "\(path(context.codingPath)) must be \(noun(type))"
        case .dataCorrupted(let context) where context.debugDescription.contains("not valid JSON"): "is not JSON"
        case .dataCorrupted(let context): "\(path(context.codingPath)) is not valid: \(context.debugDescription)"
        @unknown default: "cannot be decoded"
        }
    }

    /// As in `processes[3].program`; `the value` for the value itself.
    private static func path(_ keys: [any CodingKey]) -> String {
        let text = keys.reduce("") { text, key in
            if let index = key.intValue { return "\(text)[\(index)]" }
            return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
        return text.isEmpty ? "the value" : text
    }

    private static func noun(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is any Sequence.Type where !(type is [String: Any].Type): "a list"
        default: "an object"
        }
    }
}

/// An error whose description is in plain words, for a log.
struct PlainError: Error, CustomStringConvertible {
    let description: String

    init(_ error: any Error) { description = ErrorText.plain(error) }
}
