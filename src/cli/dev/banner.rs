//! What `dev` prints once it serves: a page of what to try, coloured on a terminal.

use std::{fmt, io::IsTerminal, net::SocketAddr};

use anyhow::Result;

use crate::config;

/// What there is to try.
pub struct Banner<'a> {
    /// Which Postgres runs, in words.
    pub postgres: &'a str,
    /// Where the page is, on localhost.
    pub port: u16,
    /// Where the operator's page is.
    pub operators: Option<SocketAddr>,
    /// For psql.
    pub database_url: &'a str,
    /// Alice's; none where the application is one's own.
    pub token: Option<&'a str>,
}

impl Banner<'_> {
    /// To standard output.
    pub fn print(&self) -> Result<()> {
        let is_coloured = config::is_colour_wanted(std::io::stdout().is_terminal());
        crate::cli::print(&self.render(Style { is_coloured }))
    }

    fn render(&self, style: Style) -> String {
        let Self {
            postgres,
            port,
            operators,
            database_url,
            token,
        } = self;
        let url = format!("http://localhost:{port}");
        let mut lines = vec![
            String::new(),
            format!("  {} on {postgres}", style.bold("pg-presence")),
            String::new(),
            format!("  {}", style.head("The page")),
            format!("    {}", style.link(&url)),
        ];
        match token {
            Some(token) => lines.extend([
                "    Open it twice, be somebody else in the second window, and watch them meet.".to_owned(),
                String::new(),
                format!("  {}", style.head("A heartbeat: alice enters the room general")),
                format!("    TOKEN={token}"),
                format!("    curl -X PUT {url}/v1/rooms/general/sessions/{SESSION} \\"),
                "      -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{}'".to_owned(),
                String::new(),
                format!("  {}", style.head("What others see of it")),
                format!("    curl -N '{url}/v1/stream?room=general' -H \"Authorization: Bearer $TOKEN\""),
            ]),
            None => lines.extend([
                String::new(),
                "  This database has a mapping of its own, which was left alone: its users and rooms are".to_owned(),
                "  the ones to try. A token for one of them:".to_owned(),
                format!("    curl {url}/dev/token -H 'Content-Type: application/json' -d '{{\"user_id\": \"...\"}}'"),
            ]),
        }
        lines.extend([
            String::new(),
            format!("  {}", style.head("The same, asked of Postgres")),
            format!("    psql '{database_url}' -c 'select * from presence.members'"),
        ]);
        if let Some(address) = operators {
            let url = match address.ip().is_loopback() {
                true => format!("http://localhost:{}", address.port()),
                false => format!("http://{address}"),
            };
            lines.extend([
                String::new(),
                format!(
                    "  {}",
                    style.head("What an operator sees, in a browser and in a terminal")
                ),
                format!("    {}", style.link(&url)),
                format!("    pg-presence top --database-url '{database_url}'"),
            ]);
        }
        lines.extend([
            String::new(),
            format!("  {}", style.faint("Ctrl-C stops all of it.")),
            "\n".to_owned(),
        ]);
        lines.join("\n")
    }
}

/// Any uuid will do; a page makes a new one for each tab.
const SESSION: &str = "11111111-1111-4111-8111-111111111111";

/// Colours, or none.
#[derive(Clone, Copy)]
struct Style {
    is_coloured: bool,
}

impl Style {
    fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn head(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    fn link(self, text: &str) -> String {
        self.wrap("4;36", text)
    }

    fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: impl fmt::Display) -> String {
        if self.is_coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(token: Option<&'static str>) -> Banner<'static> {
        Banner {
            postgres: "Postgres 18",
            port: 8081,
            operators: Some(([127, 0, 0, 1], 8190).into()),
            database_url: "postgres://u@localhost/app",
            token,
        }
    }

    #[test]
    fn it_says_what_to_try_in_lines_that_can_be_pasted() {
        let text = banner(Some("a.b.c")).render(Style { is_coloured: false });

        for line in [
            "    http://localhost:8081\n",
            "    TOKEN=a.b.c\n",
            "    psql 'postgres://u@localhost/app' -c 'select * from presence.members'\n",
            "    http://localhost:8190\n",
            "    pg-presence top --database-url 'postgres://u@localhost/app'\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn it_has_colours_where_they_are_wanted() {
        assert!(
            banner(None)
                .render(Style { is_coloured: true })
                .contains("\x1b[1;32mThe page\x1b[0m")
        );
    }
}
