/// How help and documents describe one setting.
struct SettingText {
    /// Of its flag, without dashes.
    let name: String
    let variable: String
    /// Its value when it is not given; `nil` when it must be, empty when it has none.
    let standard: String?
    let help: String

    /// The text of `--help`.
    static func list(of settings: [SettingText], _ program: String) -> String {
        let lines = settings.map { setting in
            let suffix = setting.standard.map { $0.isEmpty ? "" : " (\($0))" } ?? " (required)"
            return "  --\(setting.name), \(setting.variable)\(suffix)\n      \(setting.help)"
        }
        return "\(program)\n\nSettings, by flag, variable or line of the file of settings; the first wins:\n\n"
            + lines.joined(separator: "\n")
    }

    /// A table of Markdown.
    static func table(of settings: [SettingText]) -> String {
        let rows = settings.map { setting in
            let standard = setting.standard.map { $0.isEmpty ? "none" : "`\($0)`" } ?? "required"
            return "| `--\(setting.name)` | `\(setting.variable)` | \(standard) | \(setting.help) |"
        }
        return (["| Flag | Variable | Default | Meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n")
    }
}
