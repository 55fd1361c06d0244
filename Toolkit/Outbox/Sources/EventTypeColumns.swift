import MartletSQL

/// The modules `outbox.types` and `inbox.types`: what the stored bodies are.
///
/// NULL for what was stored before events had types: the body is of the type of its topic.
enum EventTypeColumns {
    static let migrations = [
        Migration("outbox.types", 1, columns(of: ["outbox"])),
        Migration("inbox.types", 1, columns(of: ["inbox_parked", "inbox_late"])),
    ]

    private static func columns(of tables: [String]) -> [String] {
        tables.flatMap { table in
            ["ALTER TABLE \(table) ADD COLUMN type TEXT", "ALTER TABLE \(table) ADD COLUMN content_type TEXT"]
        }
    }
}
